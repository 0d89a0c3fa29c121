"""The bodies of REST as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from profile_domain.errors import Code
from profile_domain.profile import AuthProvider

NAME = Field(
    description="At most 100 code points; stored in Unicode NFC and trimmed.", max_length=100
)


class ProfileBody(BaseModel):
    """Your own profile: always these eight keys."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    email: str = Field(description="Read-only here.")
    name: str = Field(
        description="Derived: display name, else first and last name, else email address."
    )
    auth_provider: AuthProvider = Field(description="Who keeps your sign-in.")
    first_name: Annotated[str | None, NAME]
    last_name: Annotated[str | None, NAME]
    display_name: Annotated[str | None, NAME]
    avatar_base64: str | None = Field(
        description="The picture as a data URI; at most 256 KiB decoded, no side over 512 pixels."
    )


class ErrorBody(BaseModel):
    """Every error of every route."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    message: str
    details: dict[str, Any] | None = Field(
        default=None,
        description="`violations` (a list of field, code, message and limits, 100 at most) and"
        " `omitted` (how many more there are) for field errors; `argument` for `invalid_argument`;"
        " `reason` (missing, invalid or expired) for `unauthenticated`; `retry_after` (the seconds"
        " of `Retry-After`) for `rate_limited` and `unavailable`.",
    )
    notices: list[str] | None = Field(
        default=None, description="What the policies that refused this have to say."
    )
