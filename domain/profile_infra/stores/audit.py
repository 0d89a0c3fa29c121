"""Reading the audit trail: places in it, and how long entries are kept."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from profile_domain.audit import AuditEntry


class AuditPlace(NamedTuple):
    """A place in the audit of a tenant, which is in the order of these columns."""

    at: datetime
    user_id: UUID = UUID(int=0)
    new_version: int = 0


class TenantEntry(NamedTuple):
    """An entry in the audit of a tenant."""

    user_id: UUID
    entry: AuditEntry

    @property
    def place(self) -> AuditPlace:
        return AuditPlace(self.entry.at, self.user_id, self.entry.new_version)


CHANGE_COLUMNS: Final = tuple(field.name for field in fields(AuditEntry))
_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)


def kept_since(days: int | None) -> datetime:
    """The time of the oldest entries that are kept; None keeps all."""
    return _EVER if days is None else datetime.now(UTC) - timedelta(days=days)


def after_kept(place: AuditPlace, days: int | None) -> AuditPlace:
    """The place, or that of the oldest entry that is kept if it is later."""
    return max(place, AuditPlace(kept_since(days)))
