"""The rate limit shared by all processes, in Redis; each counts alone while Redis fails."""

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
TIMEOUT: Final = 0.25  # for one attempt, in total
RETRY_SECONDS: Final = 1.0  # after a failure, before Redis is tried again
LOG_SECONDS: Final = 60.0  # between two warnings about an outage

CONNECTIONS: Final = 8  # per process; one handles thousands of attempts a second
_DATABASE: Final = re.compile(r"/?|/\d{1,4}")
_PREFIX: Final = "profile-rate:"

# The arithmetic of InProcessRateLimit, in microseconds of Redis's clock. After that was set back, a
# TAT may lie too far ahead: it is clamped to the maximum. Keys expire when their TAT passes.
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
    """A misconfigured store; the text says what to change."""


def safe_redis_url(url: str) -> str:
    """Raises ValueError, which never quotes the URL, since that may contain a password."""
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
    """GCRA as in ``InProcessRateLimit``, with one key per user and one round trip per attempt.

    While Redis is out of reach each process counts alone, and an attempt is delayed by at most
    TIMEOUT. ``failures`` is the number of attempts that failed in Redis.
    """

    def __init__(self, rate: Rate, url: str) -> None:
        """Connects at the first attempt. Raises UnusableRateLimitStore."""
        self._rate = rate
        self._redis = _client(url)
        self._take = self._redis.register_script(_TAKE)
        self._fallback = InProcessRateLimit(rate)
        self._outage = False
        self._retry_at = self._log_at = -math.inf
        self.failures = 0

    async def take(self, identity: Identity) -> None:
        """Raises ``rate_limited`` with the seconds until the next attempt is allowed."""
        now = time.monotonic()
        if now < self._retry_at:
            await self._fallback.take(identity)
            return
        if self._outage:
            self._retry_at = now + RETRY_SECONDS  # one attempt tries Redis; the others do not wait
        key = _PREFIX + user_key(identity).hex()
        try:
            async with asyncio.timeout(TIMEOUT):
                wait = int(await self._take([key], [self._rate.interval, self._rate.tolerance]))
        except Exception as error:  # noqa: BLE001  # no failure of Redis may fail a request
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
        # One retry, for connections that Redis has closed while they were idle.
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)
