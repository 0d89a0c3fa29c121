"""The header fields of a request but entity tags, and the arguments of a page."""

import pytest

from profile_domain.audit import page_of
from profile_domain.errors import Code, DomainError
from profile_domain.requests.headers import joined, preferred_type, prefers_minimal, read_fields

JSON, GRAPHQL = "application/json", "application/graphql-response+json"


def test_a_field_that_comes_twice_is_one_list():
    fields = read_fields([(b"accept", b"a/b"), (b"host", b"x"), (b"accept", b"c/\xe9")])
    assert fields == {"accept": ["a/b", "c/\xe9"], "host": ["x"]}
    assert joined(fields, "accept") == "a/b, c/\xe9"
    assert joined(fields, "prefer") is None


@pytest.mark.parametrize(
    ("accept", "preferred"),
    [
        ("", JSON),
        (f" , {GRAPHQL}", GRAPHQL),
        ("text/plain", JSON),
        ("*/*", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON};q=0.5, {GRAPHQL};charset=utf-8;q=0.9", GRAPHQL),
        (f"{JSON};q=0, application/*", GRAPHQL),
        (f"{JSON}; q = x, {GRAPHQL}", GRAPHQL),
        (f"{JSON};q=0, {GRAPHQL};q=0", JSON),
    ],
)
def test_the_media_type_of_the_highest_quality_is_preferred(accept, preferred):
    assert preferred_type(accept, (JSON, GRAPHQL)) == preferred


@pytest.mark.parametrize(
    ("header", "minimal"),
    [(None, False), ("wait=1", False), ("wait=1, return=minimal", True), ("return=other", False)],
)
def test_the_first_return_says_whether_the_profile_is_wanted(header, minimal):
    assert prefers_minimal(header) is minimal


def test_a_page_has_twenty_entries_from_the_newest_on_unless_told():
    assert page_of(None, None) == (20, None)
    assert page_of(100, "7") == (100, 7)


@pytest.mark.parametrize(
    ("first", "after", "argument"),
    [(0, None, "first"), (101, None, "first"), (1, "", "after"), (1, "-1", "after"), (1, "١", "after")],
)  # fmt: skip
def test_a_page_that_cannot_be_is_an_invalid_argument(first, after, argument):
    with pytest.raises(DomainError, match=Code.INVALID_ARGUMENT) as refused:
        page_of(first, after)
    assert refused.value.details == {"argument": argument}
