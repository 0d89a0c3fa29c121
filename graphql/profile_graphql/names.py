"""The profile's fields as GraphQL spells them: in camelCase, and as an enum."""

from __future__ import annotations

from enum import Enum

import strawberry

from profile_domain.profile import EDITABLE


@strawberry.enum(description="A field of the profile that a person can change.")
class ProfileField(Enum):
    FIRST_NAME = strawberry.enum_value("first_name", description="`firstName`.")
    LAST_NAME = strawberry.enum_value("last_name", description="`lastName`.")
    DISPLAY_NAME = strawberry.enum_value("display_name", description="`displayName`.")
    AVATAR_BASE64 = strawberry.enum_value(
        "avatar_base64", description="`avatarBase64`, the picture."
    )


def _camel_case(field: str) -> str:
    head, *tail = field.split("_")
    return head + "".join(word.capitalize() for word in tail)


_SPELLING = {field: _camel_case(field) for field in EDITABLE}


def camel_case(field: str) -> str:
    """``first_name`` as ``firstName``; names of unknown fields are returned unchanged."""
    return _SPELLING.get(field, field)
