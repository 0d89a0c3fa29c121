"""The use cases of both faces: view and update one's own profile. And the ports they need."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from typing import Literal, Protocol
from uuid import UUID

from profile_domain.audit import AuditEntry
from profile_domain.caller import Caller, Credentials, Face, Identity
from profile_domain.errors import Code, DomainError, FieldRefused, Violation, refused_fields
from profile_domain.export import StoredProfile, export_document
from profile_domain.keyed_locks import KeyedLocks
from profile_domain.people import sign_in_differs
from profile_domain.pictures.avatar import Avatar, Upload
from profile_domain.profile import AVATAR, Profile, ProfileChanged, ProfileUpdate
from profile_domain.requests.headers import names_version

Action = Literal["viewMyProfile", "updateMyProfile"]
ATTEMPTS = 3


class Tokens(Protocol):
    async def verify(self, token: str) -> Identity:
        """Raises ``unauthenticated``, or ``unavailable`` if no keys were ever fetched."""


class Profiles(Protocol):
    """The store. Every call is scoped to one tenant. All methods raise ``unavailable``."""

    async def load(self, identity: Identity, *, with_image: bool) -> Profile | None:
        """The caller's profile, with the avatar's bytes only if ``with_image``.

        A user stored with the token's issuer takes precedence over one stored without an issuer.
        """

    async def save(self, caller: Caller, before: Profile, after: Profile) -> bool:
        """Durably replaces ``before`` by ``after`` (the next version), with an audit entry.

        Writes nothing if nothing differs, and returns when ``before`` is durable. False if it is no
        longer the stored version, or belongs to another tenant than the caller. There is no retry:
        after ``unavailable`` the save may have happened, which the stored version shows.
        """

    async def history(
        self, tenant_id: UUID, user_id: UUID, *, first: int, after: int | None = None
    ) -> Sequence[AuditEntry]:
        """At most ``first`` (>= 1) audit entries older than version ``after``, newest first."""

    async def stored_profile(self, tenant_id: UUID, user_id: UUID) -> StoredProfile | None:
        """The profile with this id, with the avatar's bytes and its timestamps."""


class Provisioning(Protocol):
    """Creates and updates users from the claims of their tokens."""

    async def provision_user(self, caller: Caller, stored: Profile | None) -> bool:
        """Creates the caller's user, or updates it, from the caller's token.

        True if the stored profile may have changed and must be loaded again.
        Raises ``unavailable``.
        """


class Policy(Protocol):
    async def permit(
        self, action: Action, caller: Caller, profile: Profile, changes: Collection[str] = ()
    ) -> None:
        """Raises ``forbidden`` with the notices of the policies that determined it."""


class Pictures(Protocol):
    async def clean(self, upload: Upload) -> Avatar:
        """The picture to store. Raises FieldRefused with an ``avatar_…`` code."""


class RateLimit(Protocol):
    async def take(self, identity: Identity) -> None:
        """Counts one write attempt. Raises ``rate_limited``."""


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
        """Authenticates the caller. Counts a write attempt, whether it succeeds or not.

        Raises ``unauthenticated``, ``invalid_tenant_id``, ``tenant_mismatch``, ``rate_limited``.
        """
        identity = await self._tokens.verify(credentials.token)
        try:
            identity.check_tenant(credentials.tenant)
            if to_write:
                await self._rate_limit.take(identity)
        except DomainError as error:
            error.log_fields = {**error.log_fields, **identity.log_fields}
            raise
        return Caller(identity, face, request_id)

    async def view_my_profile(self, caller: Caller, *, with_image: bool = True) -> Profile:
        """Raises ``not_found`` and ``forbidden``."""
        profile = await self._load(caller, with_image=with_image)
        await self._permit("viewMyProfile", caller, profile)
        return profile

    async def update_my_profile(
        self,
        caller: Caller,
        update: ProfileUpdate,
        *,
        if_match: str | None = None,
        with_image: bool = True,
        before_writing: Callable[[Profile], Awaitable[None]] | None = None,
    ) -> Profile:
        """The profile as stored afterwards. Writes nothing if nothing differs.

        ``before_writing`` is called with the stored profile after all checks have passed; if it
        raises, nothing is written.

        Raises, in this order: ``not_found``, the fields' errors, ``forbidden``, the picture's
        errors, ``precondition_failed``; and ``conflict`` after three lost races, the last two with
        the profile as it is now. Updates of one
        person are serialized within a process, so races are lost to other processes only. First of
        all ``unavailable``, if 64 updates of this person wait already.
        """
        identity = caller.identity
        async with self._locks.of((identity.tenant_id, identity.issuer, identity.subject)):
            return await self._update(caller, update, if_match, with_image, before_writing)

    async def _update(
        self,
        caller: Caller,
        update: ProfileUpdate,
        if_match: str | None,
        with_image: bool,  # noqa: FBT001  # as update_my_profile has it
        before_writing: Callable[[Profile], Awaitable[None]] | None,
    ) -> Profile:
        for _ in range(ATTEMPTS):
            stored = await self._load(caller, with_image=with_image)
            wanted = update.changes_to(stored)
            await self._permit("updateMyProfile", caller, stored, wanted.keys())
            changes = {field: await self._storable(value) for field, value in wanted.items()}
            if if_match is not None and not names_version(if_match, stored.etag):
                raise ProfileChanged(Code.PRECONDITION_FAILED, stored)
            if before_writing is not None:
                await before_writing(stored)
            updated = stored.with_changes(changes)
            if await self._profiles.save(caller, stored, updated):
                return updated
        raise ProfileChanged(Code.CONFLICT, await self._load(caller, with_image=with_image))

    async def my_changes(
        self, caller: Caller, profile: Profile, *, first: int, after: int | None = None
    ) -> Sequence[AuditEntry]:
        """At most ``first`` (>= 1) audit entries older than version ``after``, newest first.

        Raises ``forbidden``.
        """
        await self._permit("viewMyProfile", caller, profile)
        return await self._profiles.history(profile.tenant_id, profile.id, first=first, after=after)

    async def export_my_profile(self, caller: Caller) -> AsyncGenerator[bytes, None]:
        """All that is kept about the caller, in pieces of JSON: see ``export_document``.

        Raises ``not_found`` and ``forbidden``, before there is a piece.
        """
        profile = await self.view_my_profile(caller, with_image=False)
        stored = await self._profiles.stored_profile(profile.tenant_id, profile.id)
        if stored is None:  # deleted just now
            raise DomainError(Code.NOT_FOUND)
        return export_document(self._profiles, profile.tenant_id, profile.id, stored)

    async def editable_fields(self, caller: Caller, profile: Profile) -> list[str]:
        """The fields that provider and policies allow this caller to change."""
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
            and (profile is None or sign_in_differs(profile, identity.record))
            and await self._provisioning.provision_user(caller, profile)
        ):
            profile = await self._profiles.load(identity, with_image=with_image)
        if profile is None:
            raise DomainError(Code.NOT_FOUND)
        caller.user_id = profile.id
        return profile

    async def _permit(
        self, action: Action, caller: Caller, profile: Profile, changes: Collection[str] = ()
    ) -> None:
        """A deactivated user is denied before any policy is evaluated."""
        if not profile.active:
            raise DomainError(Code.FORBIDDEN, log_fields={"reason": "deactivated"})
        await self._policy.permit(action, caller, profile, changes)

    async def _storable(self, value: str | Upload | None) -> str | Avatar | None:
        if not isinstance(value, Upload):
            return value
        try:
            return await self._pictures.clean(value)
        except FieldRefused as refused:
            violation = Violation(AVATAR, refused.code, refused.limits)
            raise refused_fields([violation]) from None
