"""How this face spells the fields of the profile."""

from __future__ import annotations

from profile_domain.profile import EDITABLE


def _camel_case(field: str) -> str:
    head, *tail = field.split("_")
    return head + "".join(word.capitalize() for word in tail)


_SPELLING = {field: _camel_case(field) for field in EDITABLE}


def camel_case(field: str) -> str:
    """``first_name`` as ``firstName``; what is no field of the profile stays as it is."""
    return _SPELLING.get(field, field)
