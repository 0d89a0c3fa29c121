"""Tokens verified a moment ago, so that a busy caller's signature is not checked every time."""

from __future__ import annotations

from collections import OrderedDict
from sys import getsizeof
from typing import Final, NamedTuple

from profile_domain.caller import Identity

MAX_AGE: Final = 60
MAX_CACHE_BYTES: Final = 8 * 1024 * 1024

# An entry without its texts and its scopes: digest, identity, dates, its place in the table.
_ENTRY_BYTES: Final = 480
# A token leaves one to tidy up at most.
_EXPIRED_PER_PUT: Final = 2


class _Entry(NamedTuple):
    identity: Identity
    added: float
    expires: float
    size: int

    def holds(self, now: float) -> bool:
        """A clock that was set back must not lengthen the stay."""
        return self.added <= now < self.expires


class TokenCache:
    """Identities by the SHA-256 digest of their token, at most 60 s each and never past ``exp``.

    All together take 8 MiB at most, some 11,000 tokens; the oldest makes room.
    """

    def __init__(self, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self.hits = self.misses = 0
        self._max_bytes = max_bytes
        self._bytes = 0
        # To find its oldest, a dict walks past all that it dropped.
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def get(self, digest: bytes, now: float) -> Identity | None:
        entry = self._entries.get(digest)
        if entry is not None and entry.holds(now):
            self.hits += 1
            return entry.identity
        self.misses += 1
        return None

    def put(self, digest: bytes, identity: Identity, *, now: float, expires: float) -> None:
        """Keeps it, and forgets others whose time is over."""
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
        """Drops what one issuer's keys have proven, for when these change."""
        for digest, entry in list(self._entries.items()):
            if entry.identity.issuer == issuer:
                self._drop(digest)

    def _drop(self, digest: bytes) -> None:
        entry = self._entries.pop(digest, None)
        if entry is not None:
            self._bytes -= entry.size


def _size(identity: Identity) -> int:
    """About what it takes in memory: a token of 16 KiB may name thousands of scopes."""
    texts = [identity.subject, *identity.scopes]
    if identity.record is not None:
        texts += [
            identity.record.email or "",
            *(each or "" for each in identity.record.names.values()),
        ]
    return _ENTRY_BYTES + getsizeof(identity.scopes) + sum(map(getsizeof, texts))
