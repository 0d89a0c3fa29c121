"""The header fields of a request, as both faces look at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Fields = Mapping[str, Sequence[str]]


def read_fields(raw: Iterable[tuple[bytes, bytes]]) -> Fields:
    """By name in lower case, as ``raw`` has it, all values that were sent, in their order.

    Bytes beyond ASCII stay what they were, as Latin-1 (RFC 9110 section 5.5).
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
    """A list sent in several fields is one list (RFC 9110 section 5.3); None if there is none."""
    sent = fields.get(name)
    return ", ".join(sent) if sent else None
