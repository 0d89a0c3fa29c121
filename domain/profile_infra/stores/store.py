"""The port of the stores: what every store promises, each promise said once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from profile_domain.audit import AuditEntry
from profile_domain.service import Profiles
from profile_infra.stores.audit import Author
from profile_infra.stores.records import User


class Store(Profiles, Protocol):
    """Keeps people and the audit trail of their changes; tests hold every store to this.

    It works between ``open`` and ``close``, in one event loop, and raises ``unavailable``
    otherwise and in an outage. It is asked with a tenant, always, and neither reads nor writes
    another's rows. What it has answered as written is durable.
    """

    @property
    def waiting(self) -> int:
        """How many calls it has not carried out yet."""

    async def open(self) -> None:
        """Raises UnusableDatabase, or SchemaMismatch when it is not at this program's schema."""

    async def close(self) -> None:
        """Takes no more calls, and returns when those under way are done."""

    async def missing(self) -> str | None:
        """What is not ready: ``store``, ``migrations`` or ``row security``; None when all is."""

    async def users_of(self, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, User]:
        """Those of these users that the tenant has, without their pictures."""

    async def users_by_email(self, tenant_id: UUID, email: str) -> list[User]:
        """All users of the tenant with this very address, by id: one need not be unique."""

    async def list_users(
        self, tenant_id: UUID, *, first: int, after: UUID | None = None
    ) -> list[User]:
        """The tenant's next users by id, without their pictures; ``first`` is at least 1."""

    async def apply(
        self,
        author: Author,
        inserts: Sequence[User],
        updates: Sequence[tuple[User, User]],
        *,
        dry_run: bool = False,
    ) -> None:
        """Adds users, and replaces users as they were by users as they shall be: all or none.

        Versions are the store's: an update goes one on, whatever version the new user has, and a
        user who is added goes on after the last version in the trail. An update without a
        difference is left out. A dry run does all that, and undoes it. Raises Conflict.
        """

    async def delete(self, author: Author, user: User) -> int:
        """Deletes the user, the picture, and the values in their audit trail; digests stay in it.

        Gives how many audit entries lost their values. Raises Conflict when the user is not
        stored as given any more.
        """

    async def history(
        self, tenant_id: UUID, user_id: UUID, *, first: int, after: int | None = None
    ) -> list[AuditEntry]:
        """As ``Profiles`` has it; changes past their days are not shown."""

    async def forget_changes(self, tenant_id: UUID) -> int:
        """Deletes the tenant's changes that are past their days; how many.

        Of a user who is gone the last one stays: versions go on after it.
        """
