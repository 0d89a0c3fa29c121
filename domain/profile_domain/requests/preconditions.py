"""Entity tags in conditional requests (RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2).

A proxy that compresses makes a tag weak or adds a suffix, and hands it on so to the client, who
sends it back so. Ours names a version, not bytes: what a proxy made of it names the same version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_BETWEEN = re.compile(r"[ \t,]*")
_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")[ \t]*(?=,|\Z)')
_TO_COMMA = re.compile(r"[^,]*")
_COMPRESSED = re.compile(r'(?:--?gzip|;gzip|-br|-zstd)"\Z')


def _opaque_tags(header: str) -> Iterator[str]:
    """Each well-formed tag of a list, weak or strong, in its quotes and without ``W/``."""
    position = 0
    while (position := _BETWEEN.match(header, position).end()) < len(header):  # type: ignore[union-attr]  # matches ""
        tag = _ENTITY_TAG.match(header, position)
        if tag:
            yield tag[1]
        position = (tag or _TO_COMMA.match(header, position)).end()  # type: ignore[union-attr]  # matches ""


def _names(header: str, etag: str) -> bool:
    return header.strip(" \t") == "*" or any(
        etag in {tag, _COMPRESSED.sub('"', tag)} for tag in _opaque_tags(header)
    )


def if_match_holds(header: str | None, etag: str) -> bool:
    """Whether an update may go on: ``*`` and no header always hold, malformed tags never match."""
    return header is None or _names(header, etag)


def if_none_match_hits(header: str | None, etag: str) -> bool:
    """Whether the reader has this version already; ``*`` always hits."""
    return header is not None and _names(header, etag)
