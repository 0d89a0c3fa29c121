"""Audit entries as the command prints them."""

from __future__ import annotations

from datetime import UTC, datetime

from profile_domain.audit import AuditEntry
from profile_domain.profile import AVATAR

_UNNAMED = {"operator": "an operator", "import": "an import", "demo": "the demo"}


def when(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def made_by(change: AuditEntry) -> str:
    """Who made it: a person by issuer and subject, or an operator, an import, a provider."""
    if change.face == "provider":
        return f"the provider {change.issuer}"
    if change.face in _UNNAMED:
        return _UNNAMED[change.face]
    return f"{change.subject} of {change.issuer}"


def what(change: AuditEntry) -> str:
    """Each field with its value before and after; a dash is null, or was cleared by a deletion."""
    fields = [f"{field}: {old or '-'} → {new or '-'}" for field, old, new in change.changed_fields]
    # Of an operator's changes, only a deletion touches the picture or no field at all.
    if change.face == "operator" and set(change.fields) <= {AVATAR}:
        fields.insert(0, "deleted")
    return ", ".join(fields)
