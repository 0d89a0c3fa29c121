"""The bodies of REST, for the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model

from profile_domain.errors import Code
from profile_domain.profile import EDITABLE, TEXT_FIELDS, AuthProvider, TextField


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


class EditableFieldsBody(BaseModel):
    """What you may change now, by sign-in provider and by policy."""

    editable_fields: list[Literal[EDITABLE]]  # type: ignore[valid-type]  # the names of the fields


class ChangedFieldBody(BaseModel):
    """One field of a change. Of a picture only its digest is kept."""

    field: str = Field(
        description="As in the profile; also what only others change, such as `email` and `active`."
    )
    old: str | None
    new: str | None


class ChangeBody(BaseModel):
    """One change of your profile: who, when, by which way in, what."""

    at: datetime
    issuer: str = Field(description="Who vouched for the one who made the change.")
    subject: str
    face: str = Field(description="`rest`, `graphql`, or another way in, as `import`.")
    request_id: str
    old_version: int
    new_version: int
    fields: list[ChangedFieldBody]


class ChangesBody(BaseModel):
    """A page of changes, newest first."""

    changes: list[ChangeBody]
    next: str | None = Field(description="For `after`; null on the last page.")


class ExportBody(BaseModel):
    """All that is kept about you."""

    profile: ProfileBody
    created_at: datetime
    updated_at: datetime
    changes: list[ChangeBody] = Field(description="All of them, newest first.")


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
