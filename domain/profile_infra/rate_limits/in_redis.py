"""The same limit counted for all processes together, in a Redis that may fail."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from profile_domain.caller import Identity
from profile_infra.rate_limits.in_process import InProcessRateLimit, Rate, rate_limited, user_key

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = logging.getLogger(__name__)

# Seconds.
TIMEOUT: Final = 0.25  # what an attempt to write may wait for Redis, all in all
RETRY_SECONDS: Final = 1.0  # after a failure, in which nobody waits for it
LOG_SECONDS: Final = 60.0  # between two lines of the log about an outage

CONNECTIONS: Final = 8  # of a process; each carries thousands of attempts a second
_DATABASE: Final = re.compile(r"/?|/\d{1,4}")
_PREFIX: Final = "profile-rate:"

# InProcessRateLimit's arithmetic, in microseconds of Redis's clock. If that goes back, a TAT may
# lie too far ahead: then it counts as the furthest that there can be. Redis forgets what is paid
# back.
_TAKE: Final = """
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local before = tonumber(redis.call('GET', KEYS[1]) or now)
local tat = math.min(math.max(before, now), now + tolerance) + interval
local wait = tat - now - tolerance
if wait <= 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
end
return wait
"""


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


class RedisRateLimit:
    """The rate of ``InProcessRateLimit``, in Redis: one number a user, one round trip an attempt.

    While it is out of reach each process counts for itself: nobody is refused for that, and
    nobody waits longer than TIMEOUT. ``failures`` are the attempts that met the outage.
    """

    def __init__(self, rate: Rate, url: str) -> None:
        """Connects when it is first asked. Raises UnusableRateLimitStore."""
        self._rate = rate
        self._redis = _client(url)
        self._take = self._redis.register_script(_TAKE)
        self._fallback = InProcessRateLimit(rate)
        self._outage = False
        self._retry_at = self._log_at = -math.inf
        self.failures = 0

    async def take(self, identity: Identity) -> None:
        """Raises ``rate_limited`` with the seconds until there is room again."""
        now = time.monotonic()
        if now < self._retry_at:
            await self._fallback.take(identity)
            return
        if self._outage:
            self._retry_at = (
                now + RETRY_SECONDS
            )  # one goes ahead and looks; the others need not wait
        key = _PREFIX + user_key(identity).hex()
        try:
            async with asyncio.timeout(TIMEOUT):
                wait = int(await self._take([key], [self._rate.interval, self._rate.tolerance]))
        except Exception as error:  # noqa: BLE001  # whatever fails there fails no request
            self._failed(error, now)
            await self._fallback.take(identity)
            return
        self._outage, self._retry_at = False, -math.inf
        if wait > 0:
            raise rate_limited(wait)

    async def close(self) -> None:
        await self._redis.aclose()

    def _failed(self, error: Exception, now: float) -> None:
        self.failures += 1
        self._outage, self._retry_at = True, now + RETRY_SECONDS
        if now >= self._log_at:
            self._log_at = now + LOG_SECONDS
            kind = type(error).__name__
            _log.warning("the rate limit's store is out of reach (%s): counting here", kind)


def _client(url: str) -> Redis:
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415  # an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415  # an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415  # an extra
    except ImportError:
        raise UnusableRateLimitStore(
            "PROFILE_RATE_LIMIT_STORE is set: it needs `pip install profile-service[redis]`."
        ) from None
    pool = BlockingConnectionPool.from_url(
        safe_redis_url(url),
        max_connections=CONNECTIONS,
        timeout=TIMEOUT,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        # A connection that Redis closed while it lay idle is made anew, once.
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)
