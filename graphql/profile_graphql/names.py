"""The profile's fields in camelCase, as GraphQL spells them."""

from __future__ import annotations

from profile_domain.profile import EDITABLE


def _camel_case(field: str) -> str:
    head, *tail = field.split("_")
    return head + "".join(word.capitalize() for word in tail)


_SPELLING = {field: _camel_case(field) for field in EDITABLE}


def camel_case(field: str) -> str:
    """``first_name`` as ``firstName``; names of unknown fields are returned unchanged."""
    return _SPELLING.get(field, field)
