"""Entity tags in If-Match and If-None-Match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressing import SUFFIXES, handed_on
from profile_domain.requests.headers import names_version

NOW = '"abc-7"'
TAGS = st.builds('"{}-{}"'.format, st.sampled_from(["0ac3", "91eb"]), st.integers(1, 12))


@pytest.mark.parametrize(
    "header",
    [
        "*", " * ", "\t* ", NOW, f" {NOW}\t", f'"x", {NOW}', f',, {NOW} ,W/"y"', f"junk, {NOW}",
        f'W/"x", W/{NOW}', *handed_on(NOW), f'"x-gzip" , {handed_on(NOW)[1]}',
    ],
)  # fmt: skip
def test_a_tag_of_the_list_is_ours(header):
    assert names_version(header, NOW)


@pytest.mark.parametrize(
    "header",
    [
        "", " ", "W/*", "**", f"w/{NOW}", f"W/ {NOW}", f"W/W/{NOW}", "abc-7", '"abc-7', 'abc-7"',
        '"abc-8"', f'"x"{NOW}', f"{NOW}x", "'abc-7'", f'"a b", "{NOW}"', '"ABC-7"',
        f"*, {NOW[:-1]}", "\N{SNOWMAN}", "\x00", "\xa0*", "*\v", "X*", "*X", f'W/"x{NOW}',
        '"abc-8-gzip"', '"abc-gzip"', f"{NOW}-gzip", f"{NOW};gzip", '"-gzip"', '"abc-7-"',
        '"abc-7gzip"', '"abc-7-GZIP"', '"abc-7---gzip"', '"abc-7;;gzip"', '"abc-7-deflate"',
        '"abc-7-gzip-gzip"', '"abc-7-br-gzip"', '"abc-7;br"', '"abc-7-gzip "', '"gzip-abc-7"',
    ],
)  # fmt: skip
def test_other_and_malformed_tags_are_not(header):
    assert not names_version(header, NOW)


@given(TAGS, TAGS, st.sampled_from(range(2 * len(SUFFIXES) + 1)))
def test_what_a_proxy_makes_of_a_tag_is_met_by_that_version_alone(etag, other, form):
    made = handed_on(etag)[form]
    assert names_version(made, etag)
    assert names_version(f'"x-gzip", {made}', etag)
    assert names_version(made, other) is (other == etag)


@given(st.text(alphabet='W/"*, \tabc-7;gzipé\ud800', max_size=40))
def test_any_header_is_answered_and_only_our_tag_can_match(header):
    if names_version(header, NOW):
        assert header.strip(" \t") == "*" or NOW[:-1] in header


@given(st.text(alphabet="-;gzipbrstdW/7", max_size=9))
def test_nothing_else_around_a_tag_is_taken_for_a_proxys_work(end):
    made = f'"abc-7{end}"'
    assert names_version(made, NOW) is (made in {NOW, *handed_on(NOW)})
    assert names_version(end + NOW, NOW) is (end in {"", "W/"})
