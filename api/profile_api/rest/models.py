"""The bodies of REST, for the OpenAPI document.

They are open: a later version may send more keys.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NotRequired
from uuid import UUID

from pydantic import BaseModel, Field, create_model
from typing_extensions import TypedDict

from profile_domain.errors import Code
from profile_domain.profile import EDITABLE, TEXT_FIELDS, AuthProvider, TextField


def _text(field: TextField) -> Any:  # noqa: ANN401  # a type and its Field
    description = (
        f"At most {field.limit} code points, in Unicode NFC and trimmed; null where there is none."
    )
    return (str | None, Field(description=description, max_length=field.limit))


ProfileBody = create_model(
    "ProfileBody",
    __doc__="Your own profile: always all these keys.",
    id=(UUID, Field(description="It stays the same.")),
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
            " pixels. Null where there is none."
        ),
    ),
)


class EditableFieldsBody(BaseModel):
    """What you may change now, by sign-in provider and by policy."""

    editable_fields: list[Literal[EDITABLE]] = Field(  # type: ignore[valid-type]  # the fields' names
        description="In the profile's order."
    )


class ChangedFieldBody(BaseModel):
    """One field of a change. Of a picture only its digest is kept."""

    field: str = Field(
        description="As in the profile; also what only others change, such as `email` and `active`."
    )
    old: str | None = Field(
        description="The value before; null where there was none, or it is no longer kept."
    )
    new: str | None = Field(
        description="The value after; null where there is none, or it is no longer kept."
    )


class ChangeBody(BaseModel):
    """One change of your profile: who, when, by which way in, what."""

    at: datetime = Field(description="When it was stored, in UTC.")
    issuer: str = Field(description="Who vouched for the one who made the change.")
    subject: str = Field(description="Who made the change, as the issuer names them.")
    face: str = Field(description="`rest`, `graphql`, or another way in, as `import`.")
    request_id: str = Field(description="`X-Request-ID` of the request that made it.")
    old_version: int = Field(description="The version before.")
    new_version: int = Field(description="The version after, one more.")
    fields: list[ChangedFieldBody] = Field(description="What changed.")


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


OF_REST: Final = tuple(code for code in Code if code is not Code.INVALID_QUERY)
if TYPE_CHECKING:
    ErrorCode = str
else:
    ErrorCode = StrEnum("ErrorCode", {code.name: code.value for code in OF_REST})
    ErrorCode.__doc__ = (
        "Why something was refused. New ones may come: treat one that you do not know by the"
        " answer's status."
    )


class Violation(TypedDict):
    """One field that breaks one rule, with the limit of the rule."""

    field: Annotated[
        str,
        Field(description="As it was sent; of a name that is no field's, 100 code points at most."),
    ]
    code: ErrorCode
    message: Annotated[str, Field(description="One English sentence.")]
    max: NotRequired[Annotated[int, Field(description="The most code points, for `too_long`.")]]
    max_bytes: NotRequired[
        Annotated[int, Field(description="The most bytes decoded, for `avatar_too_large`.")]
    ]
    max_side: NotRequired[
        Annotated[int, Field(description="The most pixels a side, for `avatar_dimensions`.")]
    ]


class ErrorDetails(TypedDict):
    """What there is to say beside the message: each key for some codes, absent for all others."""

    violations: NotRequired[
        Annotated[
            list[Violation],
            Field(description="Every field that breaks a rule, 100 at most.", max_length=100),
        ]
    ]
    omitted: NotRequired[
        Annotated[int, Field(description="How many more violations there are.", ge=1)]
    ]
    argument: NotRequired[
        Annotated[str, Field(description="The query parameter, for `invalid_argument`.")]
    ]
    reason: NotRequired[
        Annotated[
            Literal["missing", "invalid", "expired"],
            Field(description="What is wrong with the token, for `unauthenticated`."),
        ]
    ]
    retry_after: NotRequired[
        Annotated[
            int,
            Field(
                description="The seconds of `Retry-After`, for `rate_limited` and `unavailable`.",
                ge=1,
            ),
        ]
    ]
    not_ready: NotRequired[
        Annotated[list[str], Field(description="What is not ready, for `unavailable` of `readyz`.")]
    ]


class ErrorBody(TypedDict):
    """Every error of every route.

    `details` and `notices` are absent where there is nothing to say.
    """

    code: ErrorCode
    message: Annotated[
        str, Field(description="One English sentence for people, which quotes nothing sent.")
    ]
    details: NotRequired[ErrorDetails]
    notices: NotRequired[
        Annotated[list[str], Field(description="What the policies that refused this have to say.")]
    ]
