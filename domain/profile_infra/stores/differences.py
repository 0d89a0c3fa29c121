"""What one change of a user writes, worked out once for every store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AVATAR, Profile, same
from profile_infra.stores.records import PROFILE_COLUMNS, User

# Columns whose values a profile has under the same name, and that a change may touch.
_NOT_COMPARED: Final = {"id", "version", "avatar_type", "avatar_digest"}
_COMPARED: Final = tuple(name for name in PROFILE_COLUMNS if name not in _NOT_COMPARED)
_OF_THE_KEY: Final = ("issuer", "subject")


@dataclass(frozen=True, slots=True)
class Differences:
    """The user to change, the version to start from, and each column that differs.

    ``fields`` names what differs as an audit entry does: the columns of ``old`` and ``new``, and
    the picture after them. ``old_avatar`` and ``avatar`` count only where it is among the fields.
    ``told_at`` is None where it stays.
    """

    tenant_id: UUID
    user_id: UUID
    version: int
    fields: tuple[str, ...]
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    old_avatar: Avatar | None
    avatar: Avatar | None
    told_at: float | None = None

    @property
    def of_picture(self) -> bool:
        return AVATAR in self.fields

    @property
    def old_digest(self) -> bytes | None:
        return self.old_avatar.digest if self.of_picture and self.old_avatar else None

    @property
    def new_digest(self) -> bytes | None:
        return self.avatar.digest if self.of_picture and self.avatar else None

    @property
    def columns(self) -> dict[str, Any]:
        """What the user's row gets, but for its version and time."""
        columns = dict(self.new)
        if self.of_picture:
            columns["avatar_type"] = self.avatar.media_type if self.avatar else None
            columns["avatar_digest"] = self.new_digest
        if self.told_at is not None:
            columns["told_at"] = self.told_at
        return columns


def differences(before: Profile, after: Profile) -> Differences | None:
    """None where nothing differs. Versions do not count: the store's goes one on."""
    return _of(before, after, {}, {})


def user_differences(before: User, after: User) -> Differences | None:
    """The same with how the user's tokens are known. A new ``told_at`` alone is no difference."""
    keys = [name for name in _OF_THE_KEY if getattr(before, name) != getattr(after, name)]
    old, new = ({name: getattr(user, name) for name in keys} for user in (before, after))
    return _of(before.profile, after.profile, old, new, after.told_at)


def _of(
    before: Profile,
    after: Profile,
    old_key: Mapping[str, Any],
    new_key: Mapping[str, Any],
    told_at: float | None = None,
) -> Differences | None:
    if (before.tenant_id, before.id) != (after.tenant_id, after.id):
        raise ValueError("a user cannot become another")
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for name in _COMPARED:
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            old[name], new[name] = was, now
    old |= old_key
    new |= new_key
    fields = tuple(new)
    if not same(before.avatar, after.avatar):
        if after.avatar is not None and after.avatar.image is None:
            raise ValueError("a new avatar comes with its image")
        fields += (AVATAR,)
    if not fields:
        return None
    return Differences(
        tenant_id=before.tenant_id,
        user_id=before.id,
        version=before.version,
        fields=fields,
        old=old,
        new=new,
        old_avatar=before.avatar,
        avatar=after.avatar,
        told_at=told_at,
    )
