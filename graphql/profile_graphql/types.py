"""The types of the GraphQL schema."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from profile_domain.audit import page_of
from profile_domain.errors import DomainError, Violation
from profile_domain.profile import TEXT_FIELDS, ProfileChanged
from profile_domain.profile import AuthProvider as DomainAuthProvider
from profile_domain.profile import Profile as DomainProfile
from profile_graphql.history import ProfileChangeConnection
from profile_graphql.names import camel_case
from profile_graphql.request import RequestInfo


@strawberry.enum(
    description="How a person signs in: locally, or by an OIDC or SAML identity provider."
)
class AuthProvider(Enum):
    LOCAL = "local"
    OIDC = "oidc"
    SAML = "saml"


@strawberry.enum(description="A field of the profile that a person can change.")
class ProfileField(Enum):
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    DISPLAY_NAME = "display_name"
    AVATAR_BASE64 = "avatar_base64"


_LIMITS = {field.name: f"At most {field.limit} code points." for field in TEXT_FIELDS}
_PROVIDERS = {provider: AuthProvider(provider.value) for provider in DomainAuthProvider}


@strawberry.type(description="Your own profile.")
class Profile:
    id: strawberry.ID
    email: str = strawberry.field(description="Read-only here.")
    name: str = strawberry.field(
        description="What to call you: display name, else first and last name, else email."
    )
    auth_provider: AuthProvider
    first_name: str | None = strawberry.field(description=_LIMITS["first_name"])
    last_name: str | None = strawberry.field(description=_LIMITS["last_name"])
    display_name: str | None = strawberry.field(description=_LIMITS["display_name"])
    etag: str = strawberry.field(
        description="The version of this profile, for `ifMatch`; the same as REST's `ETag`."
    )
    stored: strawberry.Private[DomainProfile]
    editable: strawberry.Private[list[str] | None]

    @classmethod
    def of(cls, profile: DomainProfile, *, editable: list[str] | None = None) -> Self:
        """``editable``: the result of ``editable_fields``, if it is known already."""
        return cls(
            id=strawberry.ID(str(profile.id)),
            email=profile.email,
            name=profile.name,
            auth_provider=_PROVIDERS[profile.auth_provider],
            **profile.texts,
            etag=profile.etag,
            stored=profile,
            editable=editable,
        )

    @strawberry.field(
        description="The picture as a data URI, `data:image/png;base64,…`, at most 256 KiB decoded."
    )
    async def avatar_base64(self) -> str | None:
        return self.stored.avatar.data_uri if self.stored.avatar else None

    @strawberry.field(
        description="The address of the picture, for `<img src>`: it needs no token, and never"
        " means another picture. With `size`, 32, 64, 128 or 256, its longest side has at most so"
        " many pixels. Absolute if the service knows its public URL, else a path."
    )
    async def avatar_url(
        self, info: RequestInfo, size: int | None = strawberry.UNSET
    ) -> str | None:
        return info.context.avatar_url(self.stored, None if size is strawberry.UNSET else size)

    @strawberry.field(description="What you may change now, by sign-in provider and by policy.")
    async def editable_fields(self, info: RequestInfo) -> list[ProfileField]:
        fields = self.editable
        if fields is None:
            caller = await info.context.caller()
            fields = await info.context.service.editable_fields(caller, self.stored)
        return [ProfileField(field) for field in fields]

    @strawberry.field(
        description="What changed, newest first: at most 100 at a time, 20 if you do not say. Null"
        " where it cannot be shown, so that an update is never hidden by that."
    )
    async def changes(
        self,
        info: RequestInfo,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
    ) -> ProfileChangeConnection | None:
        count, before = page_of(
            None if first is strawberry.UNSET else first,
            None if after is strawberry.UNSET else after,
        )
        caller = await info.context.caller()
        changes = await info.context.service.my_changes(
            caller, self.stored, first=count + 1, after=before
        )
        return ProfileChangeConnection.of(changes, first=count, after=before)


@strawberry.type(description="One field that breaks one rule.")
class FieldViolation:
    field: str
    code: str
    message: str

    @classmethod
    def of(cls, violation: Violation) -> Self:
        return cls(
            field=camel_case(violation.field), code=violation.code, message=violation.message
        )


@strawberry.type(description="Why an update was refused; nothing was changed.")
class ProfileError:
    code: str
    message: str
    details: JSON | None
    notices: list[str]
    violations: list[FieldViolation]
    current: Profile | None = strawberry.field(
        description="The profile as it is now, for `precondition_failed` and `conflict`: change"
        " that, or show it beside what was to be stored."
    )

    @classmethod
    def of(cls, error: DomainError) -> Self:
        return cls(
            code=error.code,
            message=error.message,
            details=details_of(error) or None,  # type: ignore[arg-type]  # JSON is any value
            notices=list(error.notices),
            violations=[FieldViolation.of(violation) for violation in error.violations],
            current=Profile.of(error.current) if isinstance(error, ProfileChanged) else None,
        )


def details_of(error: DomainError) -> dict[str, Any]:
    """The error's details, with field names in camelCase."""
    details = dict(error.details)
    if error.violations:
        details["violations"] = [
            {**violation, "field": camel_case(violation["field"])}
            for violation in details["violations"]
        ]
    return details


UpdateMyProfileResult = Annotated[Profile | ProfileError, strawberry.union("UpdateMyProfileResult")]


@strawberry.input(
    description="What to change. A field that is left out stays as it is; an empty name clears it;"
    " `avatarBase64: null` removes the picture."
)
class UpdateMyProfileInput:
    first_name: str | None = strawberry.UNSET
    last_name: str | None = strawberry.UNSET
    display_name: str | None = strawberry.UNSET
    avatar_base64: str | None = strawberry.UNSET

    def as_body(self) -> dict[str, object]:
        """The update as the body of REST's PUT."""
        return {
            field: value for field, value in vars(self).items() if value is not strawberry.UNSET
        }
