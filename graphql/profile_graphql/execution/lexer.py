"""A faster lexer, by regular expressions.

graphql-core's lexer takes 50 to 600 ns per character, too much for documents of 512 KiB that anyone
may send. It still creates the error messages.
"""

from __future__ import annotations

import re

from graphql import GraphQLSyntaxError, Lexer, Token, TokenKind

_IGNORED = re.compile("(?:[ \t\n\r,\ufeff]++|#[^\n\r\ud800-\udfff]*+)*+")
_NAME = re.compile("[_A-Za-z][_0-9A-Za-z]*")
_HEX = "[0-9A-Fa-f]"
# Four digits that are not a surrogate, a pair of surrogates, one to eight digits in braces.
_FOUR = f"(?:[0-9A-CEFa-cef]{_HEX}|[Dd][0-7]){_HEX}{{2}}"
_PAIR = rf"[Dd][89ABab]{_HEX}{{2}}\\u[Dd][C-Fc-f]{_HEX}{{2}}"
_BRACED = (
    rf"\{{(?={_HEX}{{1,8}}\}})0*(?:{_HEX}{{1,3}}|{_FOUR}|[1-9A-Fa-f]{_HEX}{{4}}|10{_HEX}{{4}})\}}"
)
_STRING = re.compile(
    rf"""(?:[^"\\\n\r\ud800-\udfff]++|\\(?:["\\/bfnrt]|u(?:{_FOUR}|{_PAIR}|{_BRACED})))*+"""
)
_UNICODE = re.compile(rf"\\u(?:({_PAIR})|({_HEX}{{4}})|\{{({_HEX}+)\}})")
_ESCAPES = {r"\"": '"', r"\/": "/", r"\b": "\b", r"\f": "\f", r"\n": "\n", r"\r": "\r", r"\t": "\t"}
_NUMBER = re.compile(
    r"-?(?:0|[1-9][0-9]*+)(?P<float>(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)(?![.0-9A-Za-z_])"
)
_BLOCK_STRING = re.compile(r'(?:[^"\\\ud800-\udfff]++|\\(?:""")?+|"(?!""))*+')
_LINE_END = re.compile("\r\n?")
_INDENT = re.compile("\n([ \t]*+)[^ \t\n]")
_BLANK = " \t\n"


class QuickLexer(Lexer):
    """graphql-core's lexer, but it drops comments, and tokens have neither line nor column."""

    def read_next_token(self, start: int) -> Token:
        """The next token at or after ``start``. Raises GraphQLSyntaxError."""
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
        if not body.startswith('"', end):
            self._refuse_surrogate(end)
            return super().read_string(end - 1)  # raises the error
        return self.create_token(TokenKind.STRING, start, end + 1, _value(body[start + 1 : end]))

    def read_block_string(self, start: int) -> Token:
        """The string whose opening quotes begin at ``start``."""
        body = self.source.body
        end = _end(_BLOCK_STRING, body, start + 3)
        if not body.startswith('"""', end):
            self._refuse_surrogate(end)
            return super().read_block_string(end - 3)  # raises
        raw = body[start + 3 : end].replace('\\"""', '"""')
        return self.create_token(TokenKind.BLOCK_STRING, start, end + 3, _block_value(raw))

    def _refuse_surrogate(self, position: int) -> None:
        """Refuses pairs too, which decoded UTF-8 and JSON never contain."""
        if "\ud800" <= self.source.body[position : position + 1] <= "\udfff":
            point = self.print_code_point_at(position)
            raise GraphQLSyntaxError(
                self.source, position, f"Invalid character within String: {point}."
            )


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """The end of the match at ``start``; ``start`` if there is none."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _value(raw: str) -> str:
    """The value of a string literal with valid escapes."""
    if "\\" not in raw:
        return raw
    value = raw.replace(r"\\", "\ud800")  # a placeholder: no string contains it
    for escape, meant in _ESCAPES.items():
        value = value.replace(escape, meant)
    return _UNICODE.sub(_character, value).replace("\ud800", "\\")


def _character(escape: re.Match[str]) -> str:
    pair, four, braced = escape.groups()
    if pair:
        return chr(0x10000 + (int(pair[:4], 16) - 0xD800) * 0x400 + int(pair[6:], 16) - 0xDC00)
    return chr(int(four or braced, 16))


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
