"""Everything that is kept about one person, as one JSON document in pieces."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from profile_domain.audit import AuditEntry
from profile_domain.profile import Profile

# Audit entries in memory at a time: about 200 KiB if each name in them is as long as can be.
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A profile with its picture, and when it was created and last changed (with a time zone)."""

    profile: Profile
    created_at: datetime
    updated_at: datetime


class History(Protocol):
    """The part of the store that has the audit trail."""

    async def history(
        self, tenant_id: UUID, user_id: UUID, *, first: int, after: int | None = None
    ) -> Sequence[AuditEntry]:
        """See ``Profiles``."""


async def export_document(
    store: History, tenant_id: UUID, user_id: UUID, stored: StoredProfile | None
) -> AsyncIterator[bytes]:
    """``{"profile": …, "created_at": …, "updated_at": …, "changes": [newest first]}`` in UTF-8.

    ``profile`` has the eight keys of REST; it and the times are null for ``stored`` None, which is
    a deleted person. A piece holds at most a profile, or a page of 100 entries. The entries are
    those up to the profile's version, whatever happens meanwhile. Raises ``unavailable`` in an
    outage, which may be after some pieces.
    """
    head = {
        "profile": stored.profile.document if stored else None,
        "created_at": stored.created_at.isoformat() if stored else None,
        "updated_at": stored.updated_at.isoformat() if stored else None,
    }
    yield _json(head)[:-1] + b',"changes":['
    after = stored.profile.version + 1 if stored else None
    comma = b""
    while page := await store.history(tenant_id, user_id, first=PAGE, after=after):
        yield comma + b",".join(_json(entry.document) for entry in page)
        comma, after = b",", page[-1].new_version
    yield b"]}"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
