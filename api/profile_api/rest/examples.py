"""The examples of the OpenAPI document and of the pages on errors."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from profile_domain.errors import Code, DomainError, Violation, refused_fields, unauthenticated
from profile_domain.names import MAX_CODE_POINTS
from profile_domain.pictures.avatar import MAX_BYTES, MAX_SIDE
from profile_domain.profile import (
    AVATAR,
    DISPLAY_NAME,
    EDITABLE,
    FIRST_NAME,
    LAST_NAME,
    AuthProvider,
    Profile,
    ProfileChanged,
)

TENANT: Final = UUID("7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f")
ADA: Final = Profile(
    TENANT,
    UUID("2f6a0d3c-63d3-4c5a-9f2e-0d8a3f6b1c11"),
    "ada@acme.example",
    AuthProvider.LOCAL,
    first_name="Ada",
    last_name="Lovelace",
    display_name="Countess",
    version=2,
)
DIGEST: Final = "t6w7eK7JYIkvJwgeiZGJcgJqCGxXNSmrMmDIkpBwmR0"
UPDATE: Final = {"display_name": "Countess"}
EDITABLE_FIELDS: Final = {"editable_fields": list(EDITABLE)}
_CHANGE: Final = {
    "at": "2026-01-05T10:15:00+00:00",
    "issuer": "https://me.example",
    "subject": str(ADA.id),
    "face": "rest",
    "request_id": "rename-1",
    "old_version": 1,
    "new_version": 2,
    "fields": [{"field": DISPLAY_NAME, "old": None, "new": "Countess"}],
}
CHANGES: Final = {"changes": [_CHANGE], "next": None}
EXPORT: Final = {
    "profile": ADA.document,
    "created_at": "2026-01-05T10:00:00+00:00",
    "updated_at": _CHANGE["at"],
    "changes": [_CHANGE],
}
# The first bytes of each, as text may show them.
PICTURES: Final = MappingProxyType(
    {"image/png": "\x89PNG\r\n\x1a\n", "image/jpeg": "\xff\xd8\xff", "image/webp": "RIFF"}
)
METRICS: Final = "# TYPE profile_requests_at_work gauge\nprofile_requests_at_work 1.0\n"

_VIOLATIONS: Final[dict[Code, tuple[str, dict[str, int]]]] = {
    Code.UNKNOWN_FIELD: ("nickname", {}),
    Code.INVALID_TYPE: (FIRST_NAME, {}),
    Code.TOO_LONG: (DISPLAY_NAME, {"max": MAX_CODE_POINTS}),
    Code.INVALID_CHARACTERS: (LAST_NAME, {}),
    Code.SSO_MANAGED_FIELD: (FIRST_NAME, {}),
    Code.AVATAR_MALFORMED: (AVATAR, {}),
    Code.AVATAR_TOO_LARGE: (AVATAR, {"max_bytes": MAX_BYTES}),
    Code.AVATAR_UNSUPPORTED_TYPE: (AVATAR, {}),
    Code.AVATAR_ANIMATED: (AVATAR, {}),
    Code.AVATAR_DIMENSIONS: (AVATAR, {"max_side": MAX_SIDE}),
    Code.AVATAR_CORRUPT: (AVATAR, {}),
}
_DETAILS: Final[dict[Code, dict[str, Any]]] = {
    Code.INVALID_QUERY: {"explanation": "Syntax Error: Expected Name, found <EOF>."},
}


def error(code: Code, argument: str = "size") -> DomainError:
    """An error with this code; ``argument`` is the one of ``invalid_argument``."""
    match code:
        case _ if code in _VIOLATIONS:
            field, limits = _VIOLATIONS[code]
            return refused_fields([Violation(field, code, limits)])
        case Code.UNAUTHENTICATED:
            return unauthenticated("expired", "expired")
        case Code.FORBIDDEN:
            return DomainError(code, notices=["Profiles are frozen during the audit."])
        case Code.INVALID_ARGUMENT:
            return DomainError(code, details={"argument": argument})
        case Code.CONFLICT | Code.PRECONDITION_FAILED:
            return ProfileChanged(code, ADA)
    waits = code in {Code.RATE_LIMITED, Code.UNAVAILABLE}
    return DomainError(code, details=_DETAILS.get(code), retry_after=1 if waits else None)
