"""Entity tags in If-Match and If-None-Match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_domain.requests.preconditions import if_match_holds, if_none_match_hits

NOW = '"abc-7"'


@pytest.mark.parametrize(
    "header",
    [None, "*", " * ", NOW, f" {NOW}\t", f'"x", {NOW}', f',, {NOW} ,W/"y"', f"junk, {NOW}"],
)
def test_if_match_holds_with_a_strong_tag_of_the_list(header):
    assert if_match_holds(header, NOW)


@pytest.mark.parametrize(
    "header",
    [
        "", " ", "W/*", "**", f"W/{NOW}", f"w/{NOW}", "abc-7", '"abc-7', 'abc-7"', '"abc-8"',
        f'"x"{NOW}',
        f"{NOW}x", "'abc-7'", f'"a b", "{NOW}"', '"ABC-7"', f"*, {NOW[:-1]}", "\N{SNOWMAN}", "\x00",
        "\xa0*", "*\v", "X*", "*X",
    ],
)  # fmt: skip
def test_if_match_never_holds_with_weak_malformed_or_other_tags(header):
    assert not if_match_holds(header, NOW)


@pytest.mark.parametrize("header", ["*", "\t* ", NOW, f"W/{NOW}", f'W/"x", W/{NOW}'])
def test_if_none_match_hits_by_weak_comparison(header):
    assert if_none_match_hits(header, NOW)


@pytest.mark.parametrize(
    "header", [None, "", '"x"', "abc-7", "\xa0*", "*\v", "X*", "*X", f'W/"x{NOW}']
)
def test_if_none_match_misses_other_and_malformed_tags(header):
    assert not if_none_match_hits(header, NOW)


@given(st.text(alphabet='W/"*, \tabc-7é\ud800', max_size=40))
def test_any_header_is_answered_and_only_our_tag_can_match(header):
    if if_match_holds(header, NOW):
        assert header.strip(" \t") == "*" or NOW in header
        assert if_none_match_hits(header, NOW)
