"""The query and the mutation: each authenticates the caller and calls ProfileService."""

from __future__ import annotations

import strawberry

from profile_domain.errors import Code, DomainError
from profile_domain.profile import Profile as DomainProfile
from profile_domain.profile import ProfileUpdate
from profile_graphql.request import RequestInfo
from profile_graphql.types import Profile, ProfileError, UpdateMyProfileInput, UpdateMyProfileResult

# Errors that concern the caller or the request: in errors[], not as ProfileError.
REQUEST_ERRORS = frozenset(
    {
        Code.UNAUTHENTICATED,
        Code.INVALID_TENANT_ID,
        Code.TENANT_MISMATCH,
        Code.NOT_FOUND,
        Code.RATE_LIMITED,
        Code.UNAVAILABLE,
        Code.INTERNAL_ERROR,
    }
)


@strawberry.type
class Query:
    @strawberry.field(description="Your own profile.")
    async def me(self, info: RequestInfo) -> Profile:
        return Profile.of(await info.context.my_profile())


@strawberry.type
class Mutation:
    @strawberry.mutation(
        description="Changes your own profile, all of it or nothing. With `ifMatch`, only if the"
        " profile still has one of these entity tags."
    )
    async def update_my_profile(
        self,
        info: RequestInfo,
        input: UpdateMyProfileInput,  # noqa: A002  # the argument's name in the schema
        if_match: str | None = strawberry.UNSET,
    ) -> UpdateMyProfileResult:
        caller = await info.context.caller(to_write=True)
        service = info.context.service
        editable: list[str] | None = None

        async def load_editable_fields(stored: DomainProfile) -> None:
            # Not afterwards: an error in this non-null field would hide the stored update.
            nonlocal editable
            if info.context.wants_editable:
                editable = await service.editable_fields(caller, stored)

        try:
            profile = await service.update_my_profile(
                caller,
                ProfileUpdate(input.as_body()),
                if_match=None if if_match is strawberry.UNSET else if_match,
                with_image=info.context.wants_image,
                before_writing=load_editable_fields,
            )
        except DomainError as error:
            if error.code in REQUEST_ERRORS:
                raise
            info.context.log_fields.update(error.log_fields, code=error.code)
            return ProfileError.of(error)
        return Profile.of(profile, editable=editable)


schema = strawberry.Schema(query=Query, mutation=Mutation)
