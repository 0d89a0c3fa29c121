"""The header fields of a request, for both faces: entity tags, preferences, media types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

Fields = Mapping[str, Sequence[str]]

# A proxy that compresses makes a tag weak or adds a suffix, and hands it on so to the client, who
# sends it back so. Ours names a version, not bytes: what a proxy made of it names the same version.
_BETWEEN = re.compile(r"[ \t,]*")
_ENTITY_TAG = re.compile(r'(?:W/)?("[^\x00-\x20"\x7f]*")[ \t]*(?=,|\Z)')
_TO_COMMA = re.compile(r"[^,]*")
_PREFERENCE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_COMPRESSED = re.compile(r'(?:--?gzip|;gzip|-br|-zstd)"\Z')


def read_fields(raw: Iterable[tuple[bytes, bytes]]) -> Fields:
    """All values by name, in the order sent. Names in ``raw`` are in lower case (ASGI).

    Decoded as Latin-1, which keeps every byte (RFC 9110 section 5.5).
    """
    fields: dict[str, list[str]] = {}
    for name, value in raw:
        key = name.decode("latin-1")
        if key in fields:
            fields[key].append(value.decode("latin-1"))
        else:
            fields[key] = [value.decode("latin-1")]
    return fields


def joined(fields: Fields, name: str) -> str | None:
    """The values of a field combined into one list (RFC 9110 section 5.3); None if absent."""
    sent = fields.get(name)
    return ", ".join(sent) if sent else None


def _opaque_tags(header: str) -> Iterator[str]:
    """Each well-formed tag of a list, weak or strong, in its quotes and without ``W/``."""
    position = 0
    while (position := _BETWEEN.match(header, position).end()) < len(header):  # type: ignore[union-attr]  # matches ""
        tag = _ENTITY_TAG.match(header, position)
        if tag:
            yield tag[1]
        position = (tag or _TO_COMMA.match(header, position)).end()  # type: ignore[union-attr]  # matches ""


def names_version(header: str, etag: str) -> bool:
    """Whether ``If-Match`` or ``If-None-Match`` names a tag; ``*`` does, a malformed one never."""
    return header.strip(" \t") == "*" or any(
        etag in {tag, _COMPRESSED.sub('"', tag)} for tag in _opaque_tags(header)
    )


def prefers_minimal(header: str | None) -> bool:
    """Whether the first ``return`` in ``Prefer`` is ``minimal`` (RFC 7240 section 4.2)."""
    for preference in _PREFERENCE.finditer(header or ""):
        name, _, value = preference[0].partition(";")[0].partition("=")
        if name.strip().lower() == "return":
            return value.strip(' \t"') == "minimal"
    return False


def preferred_type(accept: str, offered: Sequence[str]) -> str:
    """The offered media type with the highest quality (RFC 9110 section 12.5.1).

    Each type has the quality of the most specific range that matches it. Among equal ones the order
    in the header decides. If the header accepts none, the first that is offered.
    """
    if not accept:
        return offered[0]
    ranges = dict(_ranges(accept))
    order = list(ranges)
    best, best_rank = offered[0], (0.0, 0)
    for media_type in offered:
        for covering in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
            if covering in ranges:
                rank = (ranges[covering], -order.index(covering))
                if ranges[covering] > 0 and (best_rank == (0.0, 0) or rank > best_rank):
                    best, best_rank = media_type, rank
                break
    return best


def _ranges(accept: str) -> list[tuple[str, float]]:
    ranges = []
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                quality = _quality(value.strip())
        if media_range:
            ranges.append((media_range, quality))
    return ranges


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
