"""Tokens of a document, found by regular expressions rather than character by character.

graphql-core's lexer takes 50 to 600 ns for each character, which makes half a million of them too
dear for who needs no token. It is still the one that says what is wrong with a document.
"""

from __future__ import annotations

import re

from graphql import Lexer, Token, TokenKind

_IGNORED = re.compile("(?:[ \t\n\r,\ufeff]++|#[^\n\r\ud800-\udfff]*+)*+")
_NAME = re.compile("[_A-Za-z][_0-9A-Za-z]*")
_HEX = "[0-9A-Fa-f]"
_STRING = re.compile(
    rf'(?:[^"\\\n\r\ud800-\udfff]++|\\(?:["\\/bfnrt]|u{_HEX}{{4}}|u\{{{_HEX}{{1,8}}\}}))*+'
)
_ESCAPE = re.compile(
    rf"\\(?:[^u]|u(?P<high>[Dd][89ABab]{_HEX}{{2}})\\u(?P<low>[Dd][C-Fc-f]{_HEX}{{2}})"
    rf"|u(?P<fixed>{_HEX}{{4}})|u\{{(?P<variable>{_HEX}+)\}})"
)
_ESCAPED = {f"\\{char}": meant for char, meant in zip('"/\\bfnrt', '"/\\\b\f\n\r\t', strict=True)}
_NUMBER = re.compile(
    r"-?(?:0|[1-9][0-9]*+)(?P<float>(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)(?![.0-9A-Za-z_])"
)
_BLOCK_STRING = re.compile(r'(?:[^"\\\ud800-\udfff]++|\\(?:""")?+|"(?!""))*+')
_LINE_END = re.compile("\r\n?")
_INDENT = re.compile("\n([ \t]*+)[^ \t\n]")
_BLANK = " \t\n"


class QuickLexer(Lexer):
    """graphql-core's lexer, but it skips comments, and its tokens know neither line nor column."""

    def read_next_token(self, start: int) -> Token:
        """The first token from ``start`` on. Raises GraphQLSyntaxError."""
        body = self.source.body
        start = _end(_IGNORED, body, start)
        if body.startswith('"', start):
            block = body.startswith('"""', start)
            return self.read_block_string(start) if block else self.read_string(start)
        end = _end(_NAME, body, start)
        if end > start:
            return self.create_token(TokenKind.NAME, start, end, body[start:end])
        number = _NUMBER.match(body, start)
        if number:
            kind = TokenKind.FLOAT if number["float"] else TokenKind.INT
            return self.create_token(kind, start, number.end(), number[0])
        return super().read_next_token(start)

    def read_string(self, start: int) -> Token:
        """The string whose opening quote is at ``start``."""
        body = self.source.body
        end = _end(_STRING, body, start + 1)
        value = body[start + 1 : end]
        if "\\" in value:
            try:
                value = _ESCAPE.sub(_unescaped, value)
            except _NoCharacter as wrong:
                return super().read_string(start + wrong.position)  # raises: it reads from there
        if not body.startswith('"', end):
            return super().read_string(end - 1)  # raises
        return self.create_token(TokenKind.STRING, start, end + 1, value)

    def read_block_string(self, start: int) -> Token:
        """The string whose opening quotes begin at ``start``."""
        body = self.source.body
        end = _end(_BLOCK_STRING, body, start + 3)
        if not body.startswith('"""', end):
            return super().read_block_string(end - 3)  # raises
        raw = body[start + 3 : end].replace('\\"""', '"""')
        return self.create_token(TokenKind.BLOCK_STRING, start, end + 3, _block_value(raw))


class _NoCharacter(Exception):
    """An escape that stands for no character, at a position of its string's value."""

    def __init__(self, position: int) -> None:
        self.position = position


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where what the pattern matches at ``start`` ends; ``start`` if it does not match."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _unescaped(match: re.Match[str]) -> str:
    simple = _ESCAPED.get(match[0])
    if simple:
        return simple
    high, low, fixed, variable = match.groups()
    if high:
        point = 0x10000 + (int(high, 16) - 0xD800) * 0x400 + int(low, 16) - 0xDC00
    else:
        point = int(fixed or variable, 16)
    if 0xD800 <= point <= 0xDFFF or point > 0x10FFFF:
        raise _NoCharacter(match.start())
    return chr(point)


def _block_value(raw: str) -> str:
    """BlockStringValue() of the GraphQL specification, section 2.9.4."""
    text = _LINE_END.sub("\n", raw)
    indent = min(map(len, _INDENT.findall(text)), default=0)
    if indent:
        first, *rest = text.split("\n")
        text = "\n".join([first, *(line[indent:] for line in rest)])
    end = len(text.rstrip(_BLANK))
    if not end:
        return ""
    begin = text.rfind("\n", 0, len(text) - len(text.lstrip(_BLANK))) + 1
    line_end = text.find("\n", end)
    return text[begin : line_end if line_end >= 0 else None]
