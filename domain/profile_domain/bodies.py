"""What both faces demand of a request's body: its size, its type, one unambiguous JSON object."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Sequence
from typing import Any

from profile_domain.errors import Code, DomainError
from profile_domain.fields import Fields

MAX_NESTING = 32


async def read_json_object(
    fields: Fields, chunks: AsyncIterable[bytes], *, max_bytes: int
) -> dict[str, Any]:
    """The body as a JSON object; no chunk is asked for once it is known to be too large.

    Of ``fields`` it reads ``content-length``, ``content-type`` and ``content-encoding``. Raises,
    in this order, ``payload_too_large``, ``unsupported_media_type`` and ``malformed_json``.
    """
    body = await _read_within(fields.get("content-length", ()), chunks, max_bytes)
    media_types = fields.get("content-type", ())
    encodings = fields.get("content-encoding", ())
    if (
        len(media_types) != 1
        or media_types[0].partition(";")[0].strip().lower() != "application/json"
        or any(encoding.strip().lower() not in {"", "identity"} for encoding in encodings)
    ):
        raise DomainError(Code.UNSUPPORTED_MEDIA_TYPE)
    return parse_json_object(body)


async def _read_within(
    declared: Sequence[str], chunks: AsyncIterable[bytes], max_bytes: int
) -> bytes:
    if any(length.isdecimal() and int(length[:20]) > max_bytes for length in declared):
        raise DomainError(Code.PAYLOAD_TOO_LARGE)
    body, length = [], 0
    async for chunk in chunks:
        body.append(chunk)
        length += len(chunk)
        if length > max_bytes:
            raise DomainError(Code.PAYLOAD_TOO_LARGE)
    return b"".join(body)


def parse_json_object(body: bytes, *, exact_integers: bool = False) -> dict[str, Any]:
    """One JSON object in UTF-8 (RFC 8259), without byte order mark, NaN, Infinity, repeated
    keys, or nesting over 32. Lone surrogates written as escapes are left for the fields' rules.

    Integers of 20 digits and more lose the last ones; where they are to be exact, thousands of
    digits are too many. Raises ``malformed_json``.
    """
    decoder = _EXACT_DECODER if exact_integers else _DECODER
    try:
        value = decoder.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise DomainError(Code.MALFORMED_JSON) from None
    if not isinstance(value, dict):
        raise DomainError(Code.MALFORMED_JSON)
    # So few brackets cannot nest too deep, which spares nearly all bodies the look inside.
    if body.count(b"{") + body.count(b"[") > MAX_NESTING and _nests_too_deep(value):
        raise DomainError(Code.MALFORMED_JSON)
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return unique


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _bounded_int(digits: str) -> int | float:
    """int() refuses thousands of digits, which JSON allows; no field needs them exactly."""
    return int(digits) if len(digits) < 20 else float(digits)


_DECODER, _EXACT_DECODER = (
    json.JSONDecoder(
        object_pairs_hook=_without_repeats, parse_constant=_refuse_constant, parse_int=parse_int
    )
    for parse_int in (_bounded_int, int)
)


def _nests_too_deep(value: dict[str, Any]) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_NESTING):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
