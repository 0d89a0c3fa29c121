"""The same limit counted for all processes together, in a Redis that may fail."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError
from profile_infra.rate_limit import UserRateLimit

if TYPE_CHECKING:
    from redis.asyncio import BlockingConnectionPool

_log = logging.getLogger(__name__)

# Seconds.
PATIENCE: Final = 0.25  # what an attempt to write may wait for Redis, all in all
PAUSE: Final = 1.0  # after a failure, in which nobody waits for it
QUIET: Final = 60.0  # between two lines of the log about an outage

CONNECTIONS: Final = 8  # of a process; each carries thousands of attempts a second
_DATABASE: Final = re.compile(r"/?|/\d{1,4}")


class UnusableRateLimitStore(ValueError):
    """A store that cannot work, for a reason that an operator can mend."""


def safe_redis_url(url: str) -> str:
    """Raises ValueError with what to write; it never quotes the URL, which may hold a password."""
    try:
        parts = urlsplit(url)
        good = (
            parts.scheme in {"redis", "rediss"}
            and bool(parts.hostname)
            and parts.port != 0
            and _DATABASE.fullmatch(parts.path)
            and not (parts.query or parts.fragment)
        )
    except ValueError:
        good = False
    if not good:
        raise ValueError("write it as redis://host:6379/0 or rediss://user:password@host:6379/0")
    return url


class SharedRateLimit:
    """A moving window for each user, in Redis.

    While it is out of reach each process counts for itself: nobody is refused for that, and
    nobody waits longer than PATIENCE. ``failures`` are the attempts that met the outage.
    """

    def __init__(self, rate: RateLimitItem, url: str) -> None:
        """Connects when it is first asked. Raises UnusableRateLimitStore."""
        self._rate = rate
        self._pool = _pool(url)
        storage = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            key_prefix="profile-rate",
            connection_pool=self._pool,  # type: ignore[arg-type]  # documented, not annotated
        )
        self._windows = MovingWindowRateLimiter(storage)
        self._alone = UserRateLimit(rate)
        self._outage = False
        self._ask_again = self._speak_again = -math.inf
        self.failures = 0

    async def take(self, identity: Identity) -> None:
        """Raises ``rate_limited`` with the seconds until the window has room again."""
        now = time.monotonic()
        if now < self._ask_again:
            await self._alone.take(identity)
            return
        if self._outage:
            self._ask_again = now + PAUSE  # one goes ahead and looks; the others need not wait
        try:
            async with asyncio.timeout(PATIENCE):
                room_at = await self._room_at(_key(identity))
        except Exception as error:  # noqa: BLE001  # whatever fails there fails no request
            self._failed(error, now)
            await self._alone.take(identity)
            return
        self._outage, self._ask_again = False, -math.inf
        if room_at is not None:
            wait = max(1, math.ceil(room_at - time.time()))
            raise DomainError(Code.RATE_LIMITED, retry_after=wait)

    async def close(self) -> None:
        await self._pool.disconnect()

    async def _room_at(self, key: str) -> float | None:
        """None: there is room, and this attempt has taken it."""
        if await self._windows.hit(self._rate, key):
            return None
        return (await self._windows.get_window_stats(self._rate, key)).reset_time

    def _failed(self, error: Exception, now: float) -> None:
        self.failures += 1
        self._outage, self._ask_again = True, now + PAUSE
        if now >= self._speak_again:
            self._speak_again = now + QUIET
            kind = type(error).__name__
            _log.warning("the rate limit's store is out of reach (%s): counting here", kind)


def _key(identity: Identity) -> str:
    """Not the person's own names: those who can look into Redis need not know them."""
    told = repr((str(identity.tenant_id), identity.issuer, identity.subject))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _pool(url: str) -> BlockingConnectionPool:
    try:
        from redis.asyncio import BlockingConnectionPool  # noqa: PLC0415  # an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415  # an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415  # an extra
    except ImportError:
        raise UnusableRateLimitStore(
            "PROFILE_RATE_LIMIT_STORE is set: it needs `pip install profile-service[redis]`."
        ) from None
    return BlockingConnectionPool.from_url(
        safe_redis_url(url),
        max_connections=CONNECTIONS,
        timeout=PATIENCE,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        # A connection that Redis closed while it lay idle is made anew, once.
        retry=Retry(NoBackoff(), 1),
    )
