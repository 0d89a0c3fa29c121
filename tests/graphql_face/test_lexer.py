"""The lexer finds the tokens that graphql-core's finds, and refuses what it refuses."""

import pytest
from graphql import GraphQLSyntaxError, Lexer, Source, TokenKind
from hypothesis import given
from hypothesis import strategies as st

from profile_graphql.execution.lexer import QuickLexer


def tokens(lexer_of, text):
    """What is found, comments aside, and what is wrong with the rest."""
    lexer, found = lexer_of(Source(text)), []
    try:
        while lexer.token.kind is not TokenKind.EOF:
            token = lexer.advance()
            found.append((token.kind, token.start, token.end, token.value))
    except GraphQLSyntaxError as error:
        found.append((error.message, error.positions))
    return found


PIECES = [
    *'{}()[]:=!$@|&"\\#.-+_ \t\n\r,\ufeff0129eEaunUbftr/é\ud800\x00\x0b\u2028😀',
    "...", '"""', '\\"""', "\r\n", "\n  ", "\n\t", "name", '"text"', "12", "-0", "1.5", "2e10", "0x1",
    "\\u0041", "\\u00e", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\uD83D\\u0041", "\\u{1F600}",
    "\\u{d800}", "\\u{110000}", "\\u{}", "\\u{000000041}", "\\u{00000041}", "\\n", "\\q", "#",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(texts | texts.map('"{}"'.format) | texts.map('"""{}"""'.format) | st.text(max_size=30))
def test_any_text_has_the_tokens_that_graphql_core_finds(text):
    assert tokens(QuickLexer, text) == tokens(Lexer, text)


@pytest.mark.parametrize(
    "text",
    [
        '""', '""""""', '"""\n"""', '"""  a\n    b\n\n   c  \n """', '"""\n\n  a\n b"""', '"""a\\"""b"""',
        '"""x\r\n  y\r  z\n"""', '"""  \n\t\n"""', '"\\ud83d\\ude00\\u{1f600}"', '"a\\u{d800}"', '"\\ud800"',
        '"unfinished', '"unfinished\n"', '"""unfinished', '"\\', '"\\u', '"\\u{', "# only a comment",
        "a#b\rc", "#\ud800", "1.", "1.e5", "01", "-", "1a", ".5", "..", "'",
    ],
)  # fmt: skip
def test_what_is_easily_read_wrong_is_read_as_graphql_core_reads_it(text):
    assert tokens(QuickLexer, text) == tokens(Lexer, text)


@pytest.mark.parametrize(
    "text", ['"\ud800\udc00"', '"""\ud800\udc00"""', "#\ud800\udc00", "\ud800\udc00"]
)
def test_surrogates_are_refused_even_in_pairs(text):
    """Neither UTF-8 nor JSON has pairs of them, once decoded."""
    ((message, positions),) = tokens(QuickLexer, text)
    assert "U+10000" in message
    assert positions == [text.index("\ud800")]
