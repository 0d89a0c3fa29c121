"""Normalization and limits of names."""

import re
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from profile_domain.errors import Code, FieldRefused
from profile_domain.names import NAME_PATTERN, WHITE_SPACE, clean_name, sanitize_name

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=120)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("Ada", "Ada"),
        ("  Ada  ", "Ada"),
        ("Ada  Lovelace", "Ada  Lovelace"),
        ("\u2003Ada\u3000\n", "Ada"),
        ("\u2028Ada\x85", "Ada"),
        ("Zoe\u0308", "Zoë"),
        ("李小龍", "李小龍"),
        ("نادیه\u200cخانم", "نادیه\u200cخانم"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\u200fאדה", "\u200fאדה"),
        ("x" * 100, "x" * 100),
        ("😀" * 100, "😀" * 100),
        ("e\u0301" * 100, "é" * 100),
        ("\u1112\u1161\u11ab" * 34, "한" * 34),
        ("U\u031b\u0301" * 100, "\u1ee8" * 100),
    ],
)
def test_a_name_is_stored_in_nfc_without_outer_white_space(sent, stored):
    assert clean_name(sent) == stored


@pytest.mark.parametrize(
    "sent",
    [
        "", " ", "\t\r\n", "\u3000", "\u200d", "\u200c \u200d", "\ufeff", "\xad", "\u2060", "\ufe0f",
        "\u2800", "\u2800 \u200d\u2800",
    ],
)  # fmt: skip
def test_a_name_of_which_nothing_can_be_seen_is_none(sent):
    assert clean_name(sent) is None


@pytest.mark.parametrize(
    "sent",
    [
        "x" * 101, " " * 101, " " + "x" * 100, "😀" * 101, "\u0958" * 51, "e\u0301" * 101,
        "\ud800" * 401, "a" + "\u0301" * 400, "\x00" * 401,
    ],
)  # fmt: skip
def test_a_name_has_at_most_100_code_points_composed_and_400_as_sent(sent):
    with pytest.raises(FieldRefused) as refused:
        clean_name(sent)
    assert refused.value.code is Code.TOO_LONG
    assert refused.value.limits == {"max": 100}


@pytest.mark.parametrize(
    "sent",
    [
        "A\x00da", "A\nda", "A\tda", "A\x7fda", "A\x85da", "\x1cAda", "Ada\x1f",
        "A\u2028da", "A\u2029da", "A\u202ada", "A\u202eda", "A\u2066da", "A\u2069da",
        "A\ufdd0da", "A\ufffeda", "A\uffffda", "A\U0001fffeda", "A\U0010ffffda",
        "\ud800", "A\udfffda", "\u202e", "\u2066\u200d", "\ud800" * 400,
    ],
)  # fmt: skip
def test_a_name_holds_no_controls_separators_direction_marks_or_noncharacters(sent):
    with pytest.raises(FieldRefused) as refused:
        clean_name(sent)
    assert refused.value.code is Code.INVALID_CHARACTERS


@given(ANY_TEXT)
@example("\u0958" * 60)
def test_any_text_is_either_cleaned_or_refused_by_its_code(sent):
    try:
        name = clean_name(sent)
    except FieldRefused as refused:
        assert refused.code in {Code.TOO_LONG, Code.INVALID_CHARACTERS}
        return
    if name is not None:
        assert 1 <= len(name) <= 100
        assert unicodedata.is_normalized("NFC", name)
        assert name[0] not in WHITE_SPACE
        assert name[-1] not in WHITE_SPACE
        assert clean_name(name) == name, "what is stored passes in again unchanged"


@given(ANY_TEXT)
@example("\ta\n")
@example("\x1ca")
def test_the_pattern_for_forms_says_the_same_as_the_rule(sent):
    beyond = any(ord(char) > 0xFFFF and ord(char) & 0xFFFE == 0xFFFE for char in sent)
    if beyond or any("\ud800" <= char <= "\udfff" for char in sent):
        return
    try:
        clean_name(sent)
    except FieldRefused as refused:
        if refused.code is Code.TOO_LONG:
            return
        assert not re.match(NAME_PATTERN[:-1] + r"\Z", sent)
    else:
        assert re.match(NAME_PATTERN[:-1] + r"\Z", sent)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Ada", "Ada"),
        (" Ada\t", "Ada"),
        ("\u2068Ann\u2069", "Ann"),
        ("\u202eAnn\u202c Lee", "Ann Lee"),
        ("\u2066 Ann \u2069", "Ann"),
        ("A\x00n\nn", "Ann"),
        ("\ud800Ann\udfff", "Ann"),
        ("Ann\ufdd0\U0010ffff", "Ann"),
        ("Zoe\u2068\u0308", "Zo\xeb"),
        ("e\u0301" * 150, "\xe9" * 100),
        ("x" * 16_000, "x" * 100),
        ("\u2068" * 500 + "Ann", "Ann"),
        ("x" * 99 + " y", "x" * 99),
        ("\U0001f600" * 101, "\U0001f600" * 100),
        ("نادیه\u200cخانم", "نادیه\u200cخانم"),
        ("", None),
        ("\u2068\u2069", None),
        (" \x00 ", None),
        ("\ud800", None),
    ],
)
def test_forbidden_characters_are_removed_from_a_providers_name(sent, kept):
    assert sanitize_name(sent) == kept


@given(ANY_TEXT | st.text("e\u0301 \u2068\x00\ud800\u0958x", min_size=90, max_size=250))
def test_a_sanitized_name_is_one_that_a_person_could_have_sent(sent):
    kept = sanitize_name(sent)
    assert kept is None or clean_name(kept) == kept
    with suppress(FieldRefused):
        assert clean_name(sent) == kept
