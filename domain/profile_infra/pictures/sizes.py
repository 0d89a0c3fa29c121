"""The smaller sizes of pictures: made once however many ask, and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from profile_domain.errors import unavailable
from profile_domain.pictures.avatar import Avatar, Upload
from profile_infra.pictures.processes import PictureProcesses

MAX_AGE: Final = 3600.0  # seconds
MAX_CACHE_BYTES: Final = 8 * 1024 * 1024
MAX_MAKING: Final = 128

# The size of an entry without its image.
_ENTRY_BYTES: Final = 1024
# Two expired entries are dropped for each new one, so the expired do not accumulate.
_EXPIRED_PER_SIZE: Final = 2


class _Key(NamedTuple):
    """The owner is part of it: else the time of an answer would tell who has the same picture."""

    tenant_id: UUID
    user_id: UUID
    digest: bytes
    side: int


class PictureSizes:
    """Implements ``AvatarSizes`` with the pool of pictures, of which it uses one process at most,
    so that an upload waits for one size.

    Sizes are kept in memory for an hour, 8 MiB at most; the oldest are evicted first. 128 that wait
    are refused with ``unavailable``.
    """

    def __init__(self, pictures: PictureProcesses, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._pictures = pictures
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[_Key, tuple[float, Avatar]] = OrderedDict()
        self._making: dict[_Key, asyncio.Task[Avatar]] = {}
        self._turn = asyncio.Semaphore(1)

    async def scaled(
        self,
        owner: tuple[UUID, UUID],
        avatar: Avatar,
        side: int,
        load: Callable[[], Awaitable[Avatar]],
    ) -> Avatar:
        key = _Key(*owner, avatar.digest, side)
        kept = self._entries.get(key)
        if kept is not None and time.monotonic() - kept[0] < MAX_AGE:
            return kept[1]
        making = self._making.get(key)
        if making is None:
            if len(self._making) >= MAX_MAKING:
                raise unavailable()
            making = self._making[key] = asyncio.create_task(self._made(key, load))
            making.add_done_callback(partial(self._put, key))
        # Who leaves does not take it from those who wait too.
        return await asyncio.shield(making)

    async def _made(self, key: _Key, load: Callable[[], Awaitable[Avatar]]) -> Avatar:
        async with self._turn:
            stored = await load()
            upload = Upload.of(stored.media_type, stored.image or b"")
            return await self._pictures.scale(upload, key.side)

    def _put(self, key: _Key, made: asyncio.Task[Avatar]) -> None:
        del self._making[key]
        if made.cancelled() or made.exception() is not None:
            return
        now = time.monotonic()
        self._drop(key)
        for _ in range(_EXPIRED_PER_SIZE):
            if self._entries:
                oldest = next(iter(self._entries))
                if now - self._entries[oldest][0] >= MAX_AGE:
                    self._drop(oldest)
        avatar = made.result()
        if _size(avatar) > self._max_bytes:
            return
        self._entries[key] = now, avatar
        self._bytes += _size(avatar)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _size(entry[1])


def _size(avatar: Avatar) -> int:
    return _ENTRY_BYTES + len(avatar.image or b"")
