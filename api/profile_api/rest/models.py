"""The bodies of REST, for the OpenAPI document."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model

from profile_domain.errors import Code
from profile_domain.profile import TEXT_FIELDS, AuthProvider, TextField


def _text(field: TextField) -> Any:  # noqa: ANN401  # a type and its Field
    description = f"At most {field.limit} code points; stored in Unicode NFC and trimmed."
    return (str | None, Field(description=description, max_length=field.limit))


ProfileBody = create_model(
    "ProfileBody",
    __doc__="Your own profile: always all these keys.",
    __config__=ConfigDict(extra="forbid"),
    id=(UUID, ...),
    email=(str, Field(description="Read-only here.")),
    name=(
        str,
        Field(description="Derived: display name, else first and last name, else email address."),
    ),
    auth_provider=(AuthProvider, Field(description="How you sign in.")),
    **{field.name: _text(field) for field in TEXT_FIELDS},
    avatar_base64=(
        str | None,
        Field(
            description="The picture as a data URI; at most 256 KiB decoded, no side over 512"
            " pixels."
        ),
    ),
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
