"""A user as stored: the profile, and which tokens match it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from profile_domain.export import StoredProfile
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import TEXTS, AuthProvider, Profile

_TOKEN_KEY: Final = ("issuer", "subject", "claims_issued_at")
# The columns of a user. A test holds them to `tables.py`, which serving does not import.
USER_ROW: Final = (
    *("tenant_id", "id", "email", "auth_provider", "issuer", "subject", *TEXTS, "version"),
    *("active", "avatar_type", "avatar_digest", "created_at", "updated_at", "claims_issued_at"),
)
IN_DATABASE: Final = {"claims_issued_at": "told_at"}  # docs/adr/0101
_NOT_READ: Final = ("tenant_id", "created_at", "updated_at")
# The selected columns, in this order.
PROFILE_COLUMNS: Final = tuple(
    column for column in USER_ROW if column not in (*_TOKEN_KEY, *_NOT_READ)
)
USER_COLUMNS: Final = (*PROFILE_COLUMNS, *_TOKEN_KEY)

_PLACE: Final = {name: place for place, name in enumerate(USER_COLUMNS)}
_ID, _EMAIL, _PROVIDER, _TYPE, _DIGEST, _VERSION, _ACTIVE, _ISSUER, _SUBJECT, _TOLD_AT = (
    _PLACE[name]
    for name in (
        *("id", "email", "auth_provider", "avatar_type", "avatar_digest", "version", "active"),
        *_TOKEN_KEY,
    )
)
_TEXTS: Final = tuple((name, _PLACE[name]) for name in TEXTS)


@dataclass(frozen=True, slots=True)
class User:
    """A profile, with the issuer and subject of the tokens that match it.

    An empty ``issuer`` matches any issuer of the tenant; ``subject`` defaults to the id.
    ``claims_issued_at``: ``iat`` of the token whose claims were applied last, seconds since epoch.
    """

    profile: Profile
    issuer: str = ""
    subject: str = ""
    claims_issued_at: float | None = None

    def __post_init__(self) -> None:
        if not self.subject:
            object.__setattr__(self, "subject", str(self.profile.id))


class Conflict(Exception):
    """The id, or issuer and subject, is in use, or the user is at another version."""

    def __init__(self, user: User) -> None:
        super().__init__(f"user {user.profile.id} is there already, or was changed meanwhile")
        self.user = user


class Undone(Exception):
    """Ends the transaction of a dry run."""


def columns_of(user: User) -> dict[str, Any]:
    """The columns of a new row, without key, version and timestamps."""
    profile, avatar = user.profile, user.profile.avatar
    return {
        "email": profile.email,
        "auth_provider": profile.auth_provider.value,
        **profile.texts,
        "avatar_type": avatar.media_type if avatar else None,
        "avatar_digest": avatar.digest if avatar else None,
        "issuer": user.issuer,
        "subject": user.subject,
        "active": profile.active,
        "claims_issued_at": user.claims_issued_at,
    }


def read_profile(tenant_id: UUID, row: Sequence[Any], image: bytes | None = None) -> Profile:
    """The profile in a row that starts with PROFILE_COLUMNS."""
    digest = row[_DIGEST]
    return Profile(
        tenant_id=tenant_id,
        id=row[_ID],
        email=row[_EMAIL],
        auth_provider=AuthProvider(row[_PROVIDER]),
        avatar=Avatar(row[_TYPE], digest, image) if digest else None,
        version=row[_VERSION],
        active=row[_ACTIVE],
        **{name: row[place] for name, place in _TEXTS},
    )


def read_stored_profile(tenant_id: UUID, row: Sequence[Any]) -> StoredProfile:
    """The profile in a row of PROFILE_COLUMNS, then the image, ``created_at``, ``updated_at``."""
    image, created_at, updated_at = (row[len(PROFILE_COLUMNS) + place] for place in range(3))
    return StoredProfile(read_profile(tenant_id, row, image), created_at, updated_at)


def read_user(tenant_id: UUID, row: Sequence[Any]) -> User:
    """The user in a row of USER_COLUMNS."""
    profile = read_profile(tenant_id, row)
    return User(profile, issuer=row[_ISSUER], subject=row[_SUBJECT], claims_issued_at=row[_TOLD_AT])
