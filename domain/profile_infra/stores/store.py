"""The port of the stores: the guarantees that every store gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from profile_domain.audit import AuditEntry
from profile_domain.public_avatars import Avatars
from profile_domain.service import Profiles
from profile_infra.stores.audit import AuditPlace, TenantEntry
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User


class Store(Profiles, Avatars, Protocol):
    """Users and the audit trail. One test suite runs against every store.

    Usable between ``open`` and ``close``, in one event loop; otherwise, and in an outage, every
    method raises ``unavailable``. Every call is scoped to one tenant. A write that has returned is
    durable.
    """

    @property
    def waiting(self) -> int:
        """The number of queued calls."""

    async def open(self) -> None:
        """Raises UnusableDatabase, or SchemaMismatch if the schema is not this program's."""

    async def close(self) -> None:
        """Refuses new calls, and returns when the running ones are done."""

    async def missing(self) -> str | None:
        """What is not ready: ``store``, ``migrations`` or ``row security``; None if ready."""

    async def users_of(self, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, User]:
        """The users with these ids that exist in the tenant, by id, without pictures."""

    async def users_by_email(self, tenant_id: UUID, *emails: str) -> list[User]:
        """All users of the tenant with exactly these addresses, by address and id.

        An address need not be unique.
        """

    async def deleted_users(self, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, datetime]:
        """When those of these ids were deleted that are in the audit trail and not users."""

    async def list_users(
        self, tenant_id: UUID, *, first: int, after: UUID | None = None
    ) -> list[User]:
        """At most ``first`` (>= 1) users with ids over ``after``, in order, without pictures."""

    async def apply(
        self,
        author: Author,
        inserts: Sequence[User],
        updates: Sequence[tuple[User, User]],
        *,
        dry_run: bool = False,
    ) -> None:
        """Inserts users, and updates pairs of (before, after), in one transaction.

        The store assigns versions: an update increments it, whatever version ``after`` has; an
        insert continues after the last version in the audit trail. Updates that change nothing are
        skipped. A dry run does all that, and is rolled back. Raises Conflict.
        """

    async def delete(self, author: Author, user: User) -> int:
        """Deletes the user and the picture, and clears the values in the audit trail.

        Digests of pictures stay in the trail. Returns the number of entries that were cleared.
        Raises Conflict if the stored user is at another version.
        """

    async def history(
        self, tenant_id: UUID, user_id: UUID, *, first: int, after: int | None = None
    ) -> list[AuditEntry]:
        """See ``Profiles``; entries older than ``history_days`` are not returned."""

    async def audit(
        self, tenant_id: UUID, *, first: int, after: AuditPlace, until: datetime
    ) -> list[TenantEntry]:
        """At most ``first`` (>= 1) entries of all users, oldest first, before the time ``until``.

        Entries older than ``history_days`` are not returned.
        """

    async def forget_changes(self, tenant_id: UUID) -> int:
        """Deletes the tenant's audit entries older than ``history_days``; returns their number.

        The last entry of a deleted user is kept, because versions continue after it.
        """
