"""A lock for each key, for updates that would otherwise conflict."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Hashable
from weakref import WeakValueDictionary


class KeyedLocks:
    """Locks by key, first come, first served. A lock that nobody holds or awaits is dropped."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, Lock] = WeakValueDictionary()

    def of(self, key: Hashable) -> Lock:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = Lock()
        return lock
