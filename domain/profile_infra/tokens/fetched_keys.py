"""An issuer's published keys: fetched, refreshed in the background, kept during an outage."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from jose.backends.base import Key

from profile_domain.errors import unavailable
from profile_infra.tokens.issuers import Issuer, UnusableKeys
from profile_infra.tokens.jwks import KeySet, NoUsableKeys, read_key_set

if TYPE_CHECKING:
    from profile_infra.tokens.jwks_over_http import Fetched

    Fetch = Callable[[Issuer], Awaitable[Fetched]]

_log = logging.getLogger(__name__)

# Seconds.
MIN_FETCH_SECONDS = 10.0  # between the starts of two fetches
MAX_FRESH_SECONDS = 300.0  # whatever max-age says
MAX_STALE_SECONDS = 3600.0  # since the last successful fetch

_EARLY = 0.8  # the part of the fresh time after which keys are refreshed


class FetchedKeys:
    """Bound to one event loop. ``now`` is a monotonic clock in seconds, ``kept`` in seconds.

    Fetches on demand; inside ``kept_fresh`` also in the background, so that callers do not wait.
    """

    def __init__(
        self,
        issuer: Issuer,
        *,
        kept: float = MAX_STALE_SECONDS,
        fetch: Fetch | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._kept = kept
        self._fetch = fetch or _over_http
        self._now = now
        self._keys: KeySet | None = None
        self.failing = False  # whether the last fetch failed
        self.problem: str | None = None  # with the last fetch
        self._early = self._fresh_until = self._kept_until = self._next_fetch = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        self._on_removal: Callable[[], None] = lambda: None

    @property
    def there(self) -> bool:
        """Whether there are keys that may be used."""
        return self._keys is not None and self._now() < self._kept_until

    async def keys_for(
        self, kid: str | None, algorithm: str, /, tried: Collection[Key] = ()
    ) -> Sequence[Key]:
        """See ``Keys``. Raises ``unavailable`` if there are no keys, or only too old ones.

        Waits for a fetch if there are no keys, if they are stale, or if none has this ``kid``. Does
        not wait in an outage while the old keys may be used.
        """
        self._drop_outdated()
        stale = self._now() >= self._fresh_until
        fetch = self._begin_fetch() if stale else None
        if fetch and (self._keys is None or not self.failing):
            await asyncio.wait({fetch})
        current = self._current()
        found = await current.keys_for(kid, algorithm, tried)
        if not found and not current.has(kid, algorithm) and (fetch := self._begin_fetch()):
            await asyncio.wait({fetch})
            found = await self._current().keys_for(kid, algorithm, tried)
        return found

    def kids(self, algorithm: str, /) -> Sequence[str | None]:
        return [] if self._keys is None else self._keys.kids(algorithm)

    @asynccontextmanager
    async def kept_fresh(self, on_removal: Callable[[], None]) -> AsyncIterator[None]:
        """Fetches in the background, at once and then before the keys become stale.

        ``on_removal`` is called when a key is no longer valid.
        """
        self._on_removal = on_removal
        keeper = asyncio.create_task(self._keep_fresh())
        try:
            yield
        finally:
            tasks = {keeper} | ({self._fetching} if self._fetching else set())
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _keep_fresh(self) -> None:
        while True:
            if fetch := self._begin_fetch():
                await asyncio.wait({fetch})
            self._drop_outdated()
            due = self._next_fetch if self.failing else max(self._next_fetch, self._early)
            await asyncio.sleep(max(0.0, due - self._now()))

    def _begin_fetch(self) -> asyncio.Task[None] | None:
        """The running fetch, or a new one; None within MIN_FETCH_SECONDS after the last."""
        if self._fetching is None and self._now() >= self._next_fetch:
            self._next_fetch = self._now() + MIN_FETCH_SECONDS
            self._fetching = asyncio.create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        try:
            fetched = await self._fetch(self._issuer)
            self._replace(self._read(fetched), fetched.max_age)
        except UnusableKeys as problem:
            self.failing, self.problem = True, str(problem)
            _log.warning("%s; fetching again in %g s", problem, MIN_FETCH_SECONDS)
        except Exception:  # noqa: BLE001  # no error of a fetch may stop the use of the old keys
            self.failing = True
            _log.exception("issuer %r: its keys could not be fetched", self._issuer.issuer)
        finally:
            self._fetching = None

    def _read(self, fetched: Fetched) -> KeySet:
        """A set without usable keys is an error at first, later a withdrawal of all keys."""
        try:
            return read_key_set(fetched.document, self._issuer, source=fetched.source)
        except NoUsableKeys as problem:
            if self._keys is None:
                raise
            _log.warning("%s", problem)
            return KeySet(())

    def _replace(self, keys: KeySet, max_age: float | None) -> None:
        before, self._keys = self._keys, keys
        self.failing, self.problem = False, None
        now = self._now()
        fresh = (
            MAX_FRESH_SECONDS
            if max_age is None
            else min(max(max_age, MIN_FETCH_SECONDS), MAX_FRESH_SECONDS)
        )
        self._early, self._fresh_until = now + _EARLY * fresh, now + fresh
        self._kept_until = now + max(fresh, self._kept)
        if before is not None and not keys.has_all_of(before):
            self._on_removal()

    def _drop_outdated(self) -> None:
        if self._keys is not None and not self.there:
            _log.error("issuer %r: its keys are too old to go on with", self._issuer.issuer)
            self._keys = None
            self._on_removal()

    def _current(self) -> KeySet:
        if self._keys is None:
            raise unavailable(max(1, math.ceil(self._next_fetch - self._now())))
        return self._keys


async def _over_http(issuer: Issuer) -> Fetched:
    # Importing the HTTP client takes 0.1 s, which a service without fetched keys is spared.
    from profile_infra.tokens.jwks_over_http import fetch_key_set  # noqa: PLC0415

    return await fetch_key_set(issuer)
