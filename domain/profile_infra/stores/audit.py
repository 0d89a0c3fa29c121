"""The rows of the audit trail: who changed what, through which interface, at which version."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from profile_domain.audit import AuditEntry
from profile_domain.caller import Caller
from profile_domain.profile import AVATAR, Profile
from profile_infra.stores.differences import Differences


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change; ``face`` is the interface: ``rest``, ``graphql``, ``import``, …"""

    issuer: str
    subject: str
    face: str
    request_id: str

    @classmethod
    def of(cls, caller: Caller) -> Author:
        identity = caller.identity
        return cls(identity.issuer, identity.subject, caller.face, caller.request_id)


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


def as_json(value: object) -> str:
    """JSON by pydantic-core, five times as fast as the standard library."""
    return to_json(value).decode()


def update_entry(author: Author, change: Differences) -> dict[str, Any]:
    """The row for an update, without ``at``."""
    return {
        "tenant_id": change.tenant_id,
        "user_id": change.user_id,
        "old_version": change.version,
        "new_version": change.version + 1,
        "issuer": author.issuer,
        "subject": author.subject,
        "face": author.face,
        "request_id": author.request_id,
        "fields": change.fields,
        "old_values": change.old,
        "new_values": change.new,
        "old_avatar": change.old_digest,
        "new_avatar": change.new_digest,
    }


def deletion_entry(author: Author, profile: Profile) -> dict[str, Any]:
    """The row for a deletion, without ``at``: a last version that holds no values but digests."""
    avatar = profile.avatar
    return {
        "tenant_id": profile.tenant_id,
        "user_id": profile.id,
        "old_version": profile.version,
        "new_version": profile.version + 1,
        "issuer": author.issuer,
        "subject": author.subject,
        "face": author.face,
        "request_id": author.request_id,
        "fields": [AVATAR] if avatar else [],
        "old_values": None,
        "new_values": None,
        "old_avatar": avatar.digest if avatar else None,
        "new_avatar": None,
    }
