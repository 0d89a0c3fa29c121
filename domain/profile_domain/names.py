"""Normalization of a line of text, such as a name, as a person typed it."""

from __future__ import annotations

import re
import unicodedata

from profile_domain.errors import Code, FieldRefused

MAX_CODE_POINTS = 100

# Unicode's White_Space property; str.strip() would also take U+001C to U+001F.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # Cc
    "\u2028\u2029"  # line and paragraph separator
    "\u202a-\u202e\u2066-\u2069"  # bidirectional overrides and isolates
    "\ufdd0-\ufdef"  # noncharacters, with the last two of each plane
    + "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
# The same rule as a pattern for clients' forms (JSON Schema: ECMA-262, with the u flag), without
# the noncharacters beyond the basic plane.
_SPACE_CLASS = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
NAME_PATTERN = (
    rf"^[{_SPACE_CLASS}]*[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
    rf"\ufdd0-\ufdef\ufffe\uffff]*[{_SPACE_CLASS}]*$"
)
# Unicode's Default_Ignorable_Code_Point property: characters that are not rendered; and U+2800, the
# Braille pattern without a dot.
_INVISIBLE = re.compile(
    f"[{WHITE_SPACE}\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)


def clean_name(sent: str, limit: int = MAX_CODE_POINTS) -> str | None:
    """The name in NFC, trimmed; None if it has no visible character.

    ``limit`` is in code points of the NFC form, before trimming. Over four times as many as sent
    are refused before any other work.
    Raises FieldRefused with ``too_long`` or ``invalid_characters``.
    """
    if len(sent) <= limit and sent.isascii() and sent.isprintable():
        return sent.strip(" ") or None
    if len(sent) > 4 * limit:
        raise FieldRefused(Code.TOO_LONG, max=limit)
    if _SURROGATE.search(sent):
        raise FieldRefused(Code.INVALID_CHARACTERS)
    name = unicodedata.normalize("NFC", sent)
    if len(name) > limit:
        raise FieldRefused(Code.TOO_LONG, max=limit)
    name = name.strip(WHITE_SPACE)
    if _FORBIDDEN.search(name):
        raise FieldRefused(Code.INVALID_CHARACTERS)
    if _INVISIBLE.fullmatch(name):
        return None
    return name


def sanitize_name(sent: str, limit: int = MAX_CODE_POINTS) -> str | None:
    """The name without forbidden characters, cut to ``limit``: for names that no user can correct.

    ``clean_name`` returns the result unchanged. None if it has no visible character.
    """
    allowed = _FORBIDDEN.sub("", _SURROGATE.sub("", sent))
    name = unicodedata.normalize("NFC", allowed).strip(WHITE_SPACE)
    return clean_name(name[:limit], limit)
