"""The story of one request, told once for both faces, and the ports it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Literal, Protocol
from uuid import UUID

from profile_domain.audit import AuditEntry
from profile_domain.caller import Caller, Credentials, Face, Identity
from profile_domain.errors import Code, DomainError, FieldRefused, Violation, refused_fields
from profile_domain.keyed_locks import KeyedLocks
from profile_domain.people import has_news
from profile_domain.pictures.avatar import Avatar, Upload
from profile_domain.profile import AVATAR, Profile, ProfileUpdate
from profile_domain.requests.preconditions import if_match_holds

Action = Literal["viewMyProfile", "updateMyProfile"]
ATTEMPTS = 3


class Tokens(Protocol):
    async def verify(self, token: str) -> Identity:
        """Raises ``unauthenticated``, or ``unavailable`` when no keys were ever had."""


class Profiles(Protocol):
    """The store. It is asked with the caller's tenant, always; raises ``unavailable``."""

    async def load(self, identity: Identity, *, with_image: bool) -> Profile | None:
        """The caller's own profile; the avatar's bytes only if asked for.

        Of users whom the identity meets, the one that is stored with its issuer comes first.
        """

    async def save(self, caller: Caller, before: Profile, after: Profile) -> bool:
        """Durably replaces ``before`` by ``after``, which is one version on.

        With it goes an audit entry; nothing is written where nothing differs. False when ``before``
        is no longer stored, or is of another tenant than the caller. It is tried once: an
        ``unavailable`` save may have happened, and the version tells.
        """

    async def history(
        self, tenant_id: UUID, user_id: UUID, *, first: int, after: int | None = None
    ) -> Sequence[AuditEntry]:
        """The user's changes before version ``after``, newest first; ``first`` is at least 1."""


class Provisioning(Protocol):
    """How those get into the store who were only ever known to an identity provider."""

    async def bring_in(self, caller: Caller, stored: Profile | None) -> bool:
        """Makes the caller's user, or brings it up to date, by what the caller's token tells.

        False when the store has nothing new for the caller. Raises ``unavailable``.
        """


class Policy(Protocol):
    async def permit(
        self, action: Action, caller: Caller, profile: Profile, changes: Collection[str] = ()
    ) -> None:
        """Raises ``forbidden`` with the notices of the policies that determined it."""


class Pictures(Protocol):
    async def clean(self, upload: Upload) -> Avatar:
        """The picture as it may be stored. Raises FieldRefused with an ``avatar_…`` code."""


class RateLimit(Protocol):
    async def take(self, identity: Identity) -> None:
        """Counts one attempt to write. Raises ``rate_limited``."""


class ProfileService:
    """What a person can do with their own profile."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        profiles: Profiles,
        policy: Policy,
        pictures: Pictures,
        rate_limit: RateLimit,
        provisioning: Provisioning,
    ) -> None:
        self._tokens = tokens
        self._profiles = profiles
        self._policy = policy
        self._pictures = pictures
        self._rate_limit = rate_limit
        self._provisioning = provisioning
        self._locks = KeyedLocks()

    async def identify(
        self, credentials: Credentials, *, face: Face, request_id: str, to_write: bool
    ) -> Caller:
        """Who calls. Each attempt to write is counted, whatever becomes of it.

        Raises ``unauthenticated``, ``invalid_tenant_id``, ``tenant_mismatch``, ``rate_limited``.
        """
        identity = await self._tokens.verify(credentials.token)
        identity.check_tenant(credentials.tenant)
        if to_write:
            await self._rate_limit.take(identity)
        return Caller(identity, face, request_id)

    async def view_my_profile(self, caller: Caller, *, with_image: bool = True) -> Profile:
        """Raises ``not_found`` and ``forbidden``."""
        profile = await self._load(caller, with_image=with_image)
        await self._permit("viewMyProfile", caller, profile)
        return profile

    async def update_my_profile(
        self,
        caller: Caller,
        change: ProfileUpdate,
        *,
        if_match: str | None = None,
        with_image: bool = True,
        before_writing: Callable[[Profile], Awaitable[None]] | None = None,
    ) -> Profile:
        """The profile as stored afterwards; nothing is written where nothing would differ.

        ``before_writing`` is called with what is stored once nothing stands against the update;
        what it raises keeps the update from happening.

        Raises, in this order: ``not_found``, the fields' errors, ``forbidden``, the picture's
        errors, ``precondition_failed``; and ``conflict`` when others won three times in a row.
        Updates of one person take turns here, so these others are other processes.
        """
        identity = caller.identity
        async with self._locks.of((identity.tenant_id, identity.issuer, identity.subject)):
            return await self._update(caller, change, if_match, with_image, before_writing)

    async def _update(
        self,
        caller: Caller,
        change: ProfileUpdate,
        if_match: str | None,
        with_image: bool,  # noqa: FBT001  # as update_my_profile has it
        before_writing: Callable[[Profile], Awaitable[None]] | None,
    ) -> Profile:
        for _ in range(ATTEMPTS):
            stored = await self._load(caller, with_image=with_image)
            wanted = change.against(stored)
            await self._permit("updateMyProfile", caller, stored, wanted.keys())
            changes = {field: await self._storable(value) for field, value in wanted.items()}
            if not if_match_holds(if_match, stored.etag):
                raise DomainError(Code.PRECONDITION_FAILED)
            if before_writing is not None:
                await before_writing(stored)
            updated = stored.with_changes(changes)
            if updated is stored or await self._profiles.save(caller, stored, updated):
                return updated
        raise DomainError(Code.CONFLICT)

    async def my_changes(
        self, caller: Caller, profile: Profile, *, first: int, after: int | None = None
    ) -> Sequence[AuditEntry]:
        """The profile's changes, newest first, from before version ``after``. Raises ``forbidden``.

        ``first`` is at least 1.
        """
        await self._permit("viewMyProfile", caller, profile)
        return await self._profiles.history(profile.tenant_id, profile.id, first=first, after=after)

    async def editable_fields(self, caller: Caller, profile: Profile) -> list[str]:
        """The fields this caller may change now, by provider and by policy."""
        permitted = []
        for field in profile.auth_provider.editable:
            try:
                await self._permit("updateMyProfile", caller, profile, (field,))
            except DomainError as error:
                if error.code is not Code.FORBIDDEN:
                    raise
            else:
                permitted.append(field)
        return permitted

    async def _load(self, caller: Caller, *, with_image: bool) -> Profile:
        identity = caller.identity
        profile = await self._profiles.load(identity, with_image=with_image)
        if (
            identity.record is not None
            and (profile is None or has_news(profile, identity.record))
            and await self._provisioning.bring_in(caller, profile)
        ):
            profile = await self._profiles.load(identity, with_image=with_image)
        if profile is None:
            raise DomainError(Code.NOT_FOUND)
        return profile

    async def _permit(
        self, action: Action, caller: Caller, profile: Profile, changes: Collection[str] = ()
    ) -> None:
        """No policy can let back in who has left."""
        if not profile.active:
            raise DomainError(Code.FORBIDDEN)
        await self._policy.permit(action, caller, profile, changes)

    async def _storable(self, value: str | Upload | None) -> str | Avatar | None:
        if not isinstance(value, Upload):
            return value
        try:
            return await self._pictures.clean(value)
        except FieldRefused as refused:
            violation = Violation(AVATAR, refused.code, refused.limits)
            raise refused_fields([violation]) from None
