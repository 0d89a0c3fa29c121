"""One entry of the audit trail: who changed what, when, and through which interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change; ``new_version`` is its cursor. Of avatars only SHA-256 digests are kept.

    ``fields`` are the changed fields as REST spells them. The values are None after the user was
    deleted.
    """

    new_version: int
    old_version: int
    at: datetime
    issuer: str
    subject: str
    face: str
    request_id: str
    fields: Sequence[str]
    old_values: Mapping[str, Any] | None
    new_values: Mapping[str, Any] | None
    old_avatar: bytes | None
    new_avatar: bytes | None
