"""One entry of the audit trail: who changed what, when, and through which interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from profile_domain.errors import Code, DomainError
from profile_domain.profile import AVATAR

DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100


class ChangedField(NamedTuple):
    """One field of a change, with its values as text; null, or a value not kept, is None."""

    field: str
    old: str | None
    new: str | None


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

    @property
    def changed_fields(self) -> Iterator[ChangedField]:
        """The fields as REST spells them; of a picture, ``sha256:`` and the digest in hex."""
        old, new = self.old_values or {}, self.new_values or {}
        for field in self.fields:
            if field == AVATAR:
                yield ChangedField(field, _digest(self.old_avatar), _digest(self.new_avatar))
            else:
                yield ChangedField(field, _text(old.get(field)), _text(new.get(field)))

    @property
    def document(self) -> dict[str, Any]:
        """The entry in JSON, as REST spells it. ``at`` is in ISO 8601, in UTC."""
        return {
            "at": self.at.isoformat(),
            "issuer": self.issuer,
            "subject": self.subject,
            "face": self.face,
            "request_id": self.request_id,
            "old_version": self.old_version,
            "new_version": self.new_version,
            "fields": [field._asdict() for field in self.changed_fields],
        }


def page_of(first: int | None, after: str | None) -> tuple[int, int | None]:
    """The arguments of a page as (count, version); entries before the version are wanted.

    ``after`` is the cursor of an entry. Raises ``invalid_argument``.
    """
    count = DEFAULT_PAGE if first is None else first
    if not 1 <= count <= MAX_PAGE:
        raise DomainError(Code.INVALID_ARGUMENT, details={"argument": "first"})
    if after is not None and not (after.isascii() and after.isdigit() and len(after) < 20):
        raise DomainError(Code.INVALID_ARGUMENT, details={"argument": "after"})
    return count, None if after is None else int(after)


def _digest(digest: bytes | None) -> str | None:
    return f"sha256:{digest.hex()}" if digest else None


def _text(value: object) -> str | None:
    """Values are texts, or for ``active`` a boolean, which is spelled as in JSON."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
