"""Tokens verified a moment ago, so that a busy caller's signature is not checked every time."""

from __future__ import annotations

from typing import NamedTuple

from profile_domain.caller import Identity

SECONDS = 60
ENTRIES = 4096


class _Entry(NamedTuple):
    identity: Identity
    since: float
    until: float


class VerifiedTokens:
    """Identities by the SHA-256 digest of their token, at most 60 s each and never past ``exp``."""

    def __init__(self, entries: int = ENTRIES) -> None:
        self.hits = self.misses = 0
        self._limit = entries
        self._entries: dict[bytes, _Entry] = {}

    def get(self, digest: bytes, now: float) -> Identity | None:
        entry = self._entries.get(digest)
        # A clock that was set back must not lengthen the stay.
        if entry is not None and entry.since <= now < entry.until:
            self.hits += 1
            return entry.identity
        self.misses += 1
        if entry is not None:
            del self._entries[digest]
        return None

    def put(self, digest: bytes, identity: Identity, *, now: float, expires: float) -> None:
        if len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[digest] = _Entry(identity, now, min(now + SECONDS, expires))

    def forget(self, issuer: str) -> None:
        """Drops what one issuer's keys have proven, for when these change."""
        self._entries = {
            digest: entry
            for digest, entry in self._entries.items()
            if entry.identity.issuer != issuer
        }
