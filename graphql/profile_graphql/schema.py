"""The query and the mutation: each authenticates the caller and calls ProfileService."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

from profile_domain.errors import DomainError
from profile_domain.profile import Profile as DomainProfile
from profile_domain.profile import ProfileUpdate
from profile_graphql.codes import REQUEST_ERRORS
from profile_graphql.request import RequestInfo
from profile_graphql.types import Profile, ProfileError, UpdateMyProfileInput, UpdateMyProfileResult

_IF_MATCH = strawberry.argument(
    description="Entity tags (`etag`), one of which the profile must still have, or else"
    " `precondition_failed`; `*` always holds. Whatever the profile is if left out or null."
)


@strawberry.type(description="What can be asked. Every field but `__typename` asks for a token.")
class Query:
    @strawberry.field(
        description="Your own profile. What refuses it is in `errors[]`: `unauthenticated`,"
        " `invalid_tenant_id`, `tenant_mismatch`, `not_found`, `forbidden`, `unavailable`,"
        " `internal_error`."
    )
    async def me(self, info: RequestInfo) -> Profile:
        return Profile.of(await info.context.my_profile())


@strawberry.type(description="What can be changed.")
class Mutation:
    @strawberry.mutation(
        description="Changes your own profile, all of it or nothing; a change that changes nothing"
        " writes nothing. What the rules, a policy or another writer refuse is a `ProfileError`;"
        " what concerns the caller or the whole request is in `errors[]`: `unauthenticated`,"
        " `invalid_tenant_id`, `tenant_mismatch`, `rate_limited`, `not_found`, `unavailable`,"
        " `internal_error`. After the last two, and a lost answer, look at the newest of `changes`:"
        " it has the `requestId` of the update that happened."
    )
    async def update_my_profile(
        self,
        info: RequestInfo,
        input: Annotated[  # noqa: A002  # the argument's name in the schema
            UpdateMyProfileInput, strawberry.argument(description="What to change.")
        ],
        if_match: Annotated[str | None, _IF_MATCH] = strawberry.UNSET,
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


class _Names(NameConverter):
    """Strawberry's, which spells the fields of an input anew for each request."""

    apply_naming_config = cache(NameConverter.apply_naming_config)


schema = strawberry.Schema(
    query=Query, mutation=Mutation, config=StrawberryConfig(name_converter=_Names())
)
