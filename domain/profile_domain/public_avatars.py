"""Pictures by address: whoever knows its digest may see a picture, without a token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest
from typing import Final, Protocol
from uuid import UUID

from profile_domain.errors import Code, DomainError
from profile_domain.pictures.avatar import Avatar

SIDES: Final = (32, 64, 128, 256)  # pixels
# Compared with where there is no picture, so that this takes as long as another digest.
_NO_DIGEST: Final = "." * 43


class Avatars(Protocol):
    """The store. Every call is scoped to one tenant."""

    async def avatar(self, tenant_id: UUID, user_id: UUID, *, with_image: bool) -> Avatar | None:
        """The picture of an active user, with its bytes only if ``with_image``.

        Raises ``unavailable``.
        """


class AvatarSizes(Protocol):
    async def scaled(
        self,
        owner: tuple[UUID, UUID],
        avatar: Avatar,
        side: int,
        load: Callable[[], Awaitable[Avatar]],
    ) -> Avatar:
        """The owner's ``avatar`` with no side over ``side`` pixels; never scaled up.

        ``load`` is called if the size has to be made. Raises what ``load`` raises, and
        ``unavailable``.
        """


def check_size(size: int | None) -> int | None:
    """The size, None for the picture as it is stored. Raises ``invalid_argument``."""
    if size is None or size in SIDES:
        return size
    raise DomainError(Code.INVALID_ARGUMENT, details={"argument": "size"})


class PublicAvatars:
    """Pictures for people without a token: the digest is the secret."""

    def __init__(self, avatars: Avatars, sizes: AvatarSizes) -> None:
        self._avatars = avatars
        self._sizes = sizes

    async def view(
        self, tenant_id: UUID, user_id: UUID, digest: str, *, size: int | None = None
    ) -> Avatar:
        """The user's picture, if ``digest`` is its ``address_digest``; its longest side at most
        ``size`` pixels, one of SIDES.

        Raises ``not_found`` for another digest, and if there is no such user or picture: all alike,
        after the same call to the store.
        """

        async def load(*, with_image: bool = True) -> Avatar:
            avatar = await self._avatars.avatar(tenant_id, user_id, with_image=with_image)
            known = avatar.address_digest if avatar else _NO_DIGEST
            if not compare_digest(known.encode(), digest.encode("utf-8", "replace")) or not avatar:
                raise DomainError(Code.NOT_FOUND)
            return avatar

        # Without the image at first: reading it would tell by its time that there is one.
        found = await load(with_image=False)
        if size is None:
            return await load()
        return await self._sizes.scaled((tenant_id, user_id), found, size, load)
