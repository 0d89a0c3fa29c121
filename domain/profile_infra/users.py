"""A user as the store keeps one: the profile, and how its owner's tokens are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from profile_domain.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile

PROFILE_COLUMNS: Final = (
    "id",
    "version",
    "email",
    "auth_provider",
    "first_name",
    "last_name",
    "display_name",
    "avatar_type",
    "avatar_digest",
    "active",
)
USER_COLUMNS: Final = (*PROFILE_COLUMNS, "issuer", "subject", "told_at")


@dataclass(frozen=True, slots=True)
class User:
    """A profile with its key for tokens.

    ``issuer`` is empty where any issuer of the tenant will do; ``subject`` defaults to the id.
    ``told_at`` is when the token was issued whose claims were applied last (seconds, epoch).
    """

    profile: Profile
    issuer: str = ""
    subject: str = ""
    told_at: float | None = None

    def __post_init__(self) -> None:
        if not self.subject:
            object.__setattr__(self, "subject", str(self.profile.id))


class Clash(Exception):
    """A user's id, or issuer and subject, is taken, or the user was changed meanwhile."""

    def __init__(self, user: User) -> None:
        super().__init__(f"user {user.profile.id} is there already, or was changed meanwhile")
        self.user = user


def fields_of(user: User) -> dict[str, Any]:
    """All that can change of a user, in columns."""
    profile, avatar = user.profile, user.profile.avatar
    return {
        "email": profile.email,
        "auth_provider": profile.auth_provider.value,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "display_name": profile.display_name,
        "avatar_type": avatar.media_type if avatar else None,
        "avatar_digest": avatar.digest if avatar else None,
        "issuer": user.issuer,
        "subject": user.subject,
        "active": profile.active,
        "told_at": user.told_at,
    }


def read_profile(tenant_id: UUID, row: Sequence[Any], image: bytes | None = None) -> Profile:
    """The profile in a row that begins with PROFILE_COLUMNS."""
    id_, version, email, provider, first, last, display, media_type, digest, active = row[
        : len(PROFILE_COLUMNS)
    ]
    avatar = Avatar(media_type, digest, image) if digest else None
    return Profile(
        tenant_id, id_, email, AuthProvider(provider), first, last, display, avatar, version, active
    )


def read_user(tenant_id: UUID, row: Sequence[Any]) -> User:
    """The user in a row of USER_COLUMNS."""
    return User(read_profile(tenant_id, row), *row[len(PROFILE_COLUMNS) :])
