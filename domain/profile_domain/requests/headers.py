"""The header fields of a request, for both faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Fields = Mapping[str, Sequence[str]]


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
