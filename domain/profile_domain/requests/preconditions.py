"""Entity tags in conditional requests (RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BETWEEN = re.compile(r"[ \t,]*")
_ENTITY_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")[ \t]*(?=,|\Z)')
_TO_COMMA = re.compile(r"[^,]*")


def _entity_tags(header: str) -> Iterator[tuple[bool, str]]:
    """Each well-formed tag of a list, as (weak, opaque tag with its quotes)."""
    position = 0
    while (position := _BETWEEN.match(header, position).end()) < len(header):  # type: ignore[union-attr]  # matches ""
        tag = _ENTITY_TAG.match(header, position)
        if tag:
            yield bool(tag[1]), tag[2]
        position = (tag or _TO_COMMA.match(header, position)).end()  # type: ignore[union-attr]  # matches ""


def if_match_holds(header: str | None, etag: str) -> bool:
    """Whether an update may go on: strong comparison, ``*`` and no header always hold.

    Weak and malformed tags never match.
    """
    if header is None or header.strip(" \t") == "*":
        return True
    return any(tag == etag and not weak for weak, tag in _entity_tags(header))


def if_none_match_hits(header: str | None, etag: str) -> bool:
    """Whether the reader has this version already: weak comparison, ``*`` always hits."""
    if header is None:
        return False
    return header.strip(" \t") == "*" or any(tag == etag for _, tag in _entity_tags(header))
