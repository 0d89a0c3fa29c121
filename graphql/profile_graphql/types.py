"""The types of the GraphQL schema."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from profile_domain.audit import DEFAULT_PAGE, MAX_PAGE, page_of
from profile_domain.errors import Code, DomainError, Violation
from profile_domain.profile import TEXT_FIELDS, ProfileChanged
from profile_domain.profile import AuthProvider as DomainAuthProvider
from profile_domain.profile import Profile as DomainProfile
from profile_graphql.codes import ErrorCode
from profile_graphql.history import ProfileChangeConnection
from profile_graphql.names import ProfileField, camel_case
from profile_graphql.request import RequestInfo


@strawberry.enum(
    description="How a person signs in: locally, or by an OIDC or SAML identity provider."
)
class AuthProvider(Enum):
    LOCAL = strawberry.enum_value("local", description="Locally; all names are the person's own.")
    OIDC = strawberry.enum_value("oidc", description="By OpenID Connect.")
    SAML = strawberry.enum_value("saml", description="By SAML.")


_LIMITS = {
    field.name: f"At most {field.limit} code points; null where there is none."
    for field in TEXT_FIELDS
}
_PROVIDERS = {provider: AuthProvider(provider.value) for provider in DomainAuthProvider}


_SIZE = strawberry.argument(
    description="32, 64, 128 or 256, else `invalid_argument`. As stored if left out or null."
)
_FIRST = strawberry.argument(
    description=f"1 to {MAX_PAGE}; any other is `invalid_argument`. {DEFAULT_PAGE} if left out or"
    " null."
)
_AFTER = strawberry.argument(
    description="The cursor of the last change of the page before; any other text is"
    " `invalid_argument`. The newest changes if left out or null."
)


@strawberry.type(description="Your own profile.")
class Profile:
    id: strawberry.ID = strawberry.field(description="A UUID that stays the same.")
    email: str = strawberry.field(description="Read-only here.")
    name: str = strawberry.field(
        description="What to call you: display name, else first and last name, else email."
    )
    auth_provider: AuthProvider = strawberry.field(description="How you sign in.")
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
        description="The picture as a data URI, `data:image/png;base64,…`, at most 256 KiB decoded;"
        " null where there is none. To show it, `avatarUrl` is lighter."
    )
    async def avatar_base64(self) -> str | None:
        return self.stored.avatar.data_uri if self.stored.avatar else None

    @strawberry.field(
        description="The address of the picture, for `<img src>`: it needs no token, and never"
        " means another picture. With `size`, 32, 64, 128 or 256, its longest side has at most so"
        " many pixels. Absolute if the service knows its public URL, else a path; null where there"
        " is no picture."
    )
    async def avatar_url(
        self, info: RequestInfo, size: Annotated[int | None, _SIZE] = strawberry.UNSET
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
        first: Annotated[int | None, _FIRST] = strawberry.UNSET,
        after: Annotated[str | None, _AFTER] = strawberry.UNSET,
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
    field: ProfileField = strawberry.field(description="The field that was sent.")
    code: Code = strawberry.field(graphql_type=ErrorCode, description="The rule.")
    message: str = strawberry.field(description="One English sentence, to show beside the field.")
    max: int | None = strawberry.field(
        description="The most code points, for `too_long`; null for any other code."
    )
    max_bytes: int | None = strawberry.field(
        description="The most bytes decoded, for `avatar_too_large`; null for any other code."
    )
    max_side: int | None = strawberry.field(
        description="The most pixels a side, for `avatar_dimensions`; null for any other code."
    )

    @classmethod
    def of(cls, violation: Violation) -> Self:
        limits = violation.limits
        return cls(
            field=ProfileField(violation.field),
            code=violation.code,
            message=violation.message,
            max=limits.get("max"),
            max_bytes=limits.get("max_bytes"),
            max_side=limits.get("max_side"),
        )


@strawberry.type(
    description="Why an update was refused; nothing was changed. What refuses the caller or the"
    " whole request is in `errors[]` instead."
)
class ProfileError:
    code: Code = strawberry.field(
        graphql_type=ErrorCode, description="The reason; of several violations, the first's."
    )
    message: str = strawberry.field(description="One English sentence, which quotes nothing sent.")
    details: JSON | None = strawberry.field(
        description="What REST has in `details`, the fields in camelCase; null where there is"
        " nothing to say. `violations` has the same with types."
    )
    notices: list[str] = strawberry.field(
        description="What the policies that refused have to say, for `forbidden`."
    )
    violations: list[FieldViolation] = strawberry.field(
        description="Every field that breaks a rule, in the profile's order; none where it is no"
        " field's fault."
    )
    current: Profile | None = strawberry.field(
        description="The profile as it is now, for `precondition_failed` and `conflict`: change"
        " that, or show it beside what was to be stored. Null for any other code."
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


UpdateMyProfileResult = Annotated[
    Profile | ProfileError,
    strawberry.union(
        "UpdateMyProfileResult", description="The profile as stored, or why nothing was changed."
    ),
]

_NAME = "An empty text, or only white space, clears it. Null is refused as `invalid_type`."


@strawberry.input(
    description="What to change. A field that is left out stays as it is; an empty name clears it;"
    " `avatarBase64: null` removes the picture."
)
class UpdateMyProfileInput:
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description=_NAME)
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description=_NAME)
    display_name: str | None = strawberry.field(default=strawberry.UNSET, description=_NAME)
    avatar_base64: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A PNG, JPEG, WebP or GIF of one frame as a base64 data URI; at most 256 KiB"
        " decoded, each side 1 to 4,096 pixels. Null removes the picture.",
    )

    def as_body(self) -> dict[str, object]:
        """The update as the body of REST's PUT."""
        return {
            field: value for field, value in vars(self).items() if value is not strawberry.UNSET
        }
