"""A cache of verified tokens, which spares repeated signature checks."""

from __future__ import annotations

from collections import OrderedDict
from sys import getsizeof
from typing import Final, NamedTuple

from profile_domain.caller import Identity

MAX_AGE: Final = 60
MAX_CACHE_BYTES: Final = 8 * 1024 * 1024

# The size of an entry without its strings and its set of scopes.
_ENTRY_BYTES: Final = 480
# Two expired entries are dropped for each new one, so the expired do not accumulate.
_EXPIRED_PER_PUT: Final = 2


class _Entry(NamedTuple):
    identity: Identity
    added: float
    expires: float
    size: int

    def holds(self, now: float) -> bool:
        """A clock that was set back must not extend an entry's life."""
        return self.added <= now < self.expires


class TokenCache:
    """Identities by the SHA-256 digest of their token, for 60 s and never past ``exp``.

    At most 8 MiB, about 11,000 tokens; the oldest are evicted first. Times are in seconds since the
    epoch.
    """

    def __init__(self, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self.hits = self.misses = 0
        self._max_bytes = max_bytes
        self._bytes = 0
        # In a plain dict, finding the oldest entry takes time linear in the deleted ones.
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def get(self, digest: bytes, now: float) -> Identity | None:
        entry = self._entries.get(digest)
        if entry is not None and entry.holds(now):
            self.hits += 1
            return entry.identity
        self.misses += 1
        return None

    def put(self, digest: bytes, identity: Identity, *, now: float, expires: float) -> None:
        """Adds an entry, and drops expired ones."""
        self._drop(digest)
        for _ in range(_EXPIRED_PER_PUT):
            if self._entries and not self._entries[oldest := next(iter(self._entries))].holds(now):
                self._drop(oldest)
        size = _size(identity)
        if size > self._max_bytes:
            return
        while self._bytes + size > self._max_bytes:
            self._drop(next(iter(self._entries)))
        self._entries[digest] = _Entry(identity, now, min(now + MAX_AGE, expires), size)
        self._bytes += size

    def forget(self, issuer: str) -> None:
        """Drops the tokens of one issuer, after its keys have changed."""
        for digest, entry in list(self._entries.items()):
            if entry.identity.issuer == issuer:
                self._drop(digest)

    def _drop(self, digest: bytes) -> None:
        entry = self._entries.pop(digest, None)
        if entry is not None:
            self._bytes -= entry.size


def _size(identity: Identity) -> int:
    """The approximate size in memory: a token of 16 KiB may have thousands of scopes."""
    texts = [identity.subject, *identity.scopes]
    if identity.record is not None:
        texts += [
            identity.record.email or "",
            *(each or "" for each in identity.record.names.values()),
        ]
    return _ENTRY_BYTES + getsizeof(identity.scopes) + sum(map(getsizeof, texts))
