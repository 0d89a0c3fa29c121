"""A lock for each key, for updates that would otherwise conflict."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Hashable
from typing import Final, Literal
from weakref import WeakValueDictionary

from profile_domain.errors import Code, DomainError, unavailable

MAX_WAITING: Final = 64


class BoundedLock(Lock):
    """First come, first served. At most ``MAX_WAITING`` wait, so that one key cannot take up all
    of the service's concurrent requests. When its holder ends with ``unavailable``, all who waited
    end so too, instead of meeting the same outage one after another.
    """

    _waiting = 0
    _outages = 0

    async def acquire(self) -> Literal[True]:
        """Raises ``unavailable`` if too many wait already, or the holder met an outage."""
        outages = self._outages
        if self._waiting >= MAX_WAITING:
            raise unavailable()
        self._waiting += 1
        try:
            await super().acquire()
        finally:
            self._waiting -= 1
        if outages != self._outages:
            self.release()
            raise unavailable()
        return True

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, DomainError) and error.code is Code.UNAVAILABLE:
            self._outages += 1
        self.release()


class KeyedLocks:
    """Locks by key. A lock that nobody holds or awaits is dropped."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, BoundedLock] = WeakValueDictionary()

    def of(self, key: Hashable) -> BoundedLock:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = BoundedLock()
        return lock
