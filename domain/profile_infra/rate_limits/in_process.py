"""The rate limit on write attempts of a user, counted in this process.

The generic cell rate algorithm (GCRA, ITU-T I.371) keeps one number per user, the theoretical
arrival time (TAT): when the user's full allowance is available again. A TAT in the past can be
dropped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from hashlib import sha256
from heapq import heappop, heappush, heapreplace
from typing import Final, NamedTuple

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError

OFF: Final = "off"
MAX_USERS: Final = 65_536

_RATE: Final = re.compile("([1-9][0-9]{0,8})/(second|minute|hour|day)")
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_MICROSECONDS: Final = 1_000_000
# An attempt adds at most one user, or one outdated entry of the heap.
_FREED_PER_ATTEMPT: Final = 2


class Rate(NamedTuple):
    """``burst`` attempts at once, and one more every ``interval`` microseconds."""

    burst: int
    interval: int

    @property
    def tolerance(self) -> int:
        """How far a TAT may lie in the future, in microseconds."""
        return self.burst * self.interval


def parse_rate(text: str) -> Rate | None:
    """Parses ``120/minute`` and the like; None for ``off``. Raises ValueError."""
    if text.strip().lower() == OFF:
        return None
    parts = _RATE.fullmatch(text)
    if parts is None:
        raise ValueError("write a rate as 120/minute, 10/second or 5000/hour, or off")
    burst = int(parts[1])
    return Rate(burst, max(1, _SECONDS[parts[2]] * _MICROSECONDS // burst))


def user_key(identity: Identity) -> bytes:
    """16 bytes of SHA-256, so that keys are short and hide the user."""
    user = repr((identity.tenant_id.int, identity.issuer, identity.subject))
    return sha256(user.encode("utf-8", "surrogatepass")).digest()[:16]


def rate_limited(wait: int) -> DomainError:
    """``wait`` is in microseconds; ``retry_after`` is rounded up to seconds."""
    return DomainError(Code.RATE_LIMITED, retry_after=-(-wait // _MICROSECONDS))


class InProcessRateLimit:
    """GCRA per user. ``now`` is a monotonic clock in nanoseconds.

    Users whose TAT has passed are dropped. When the table has 65,536 users, a new one replaces the
    one with the earliest TAT and inherits it (the space-saving algorithm). A TAT is never
    underestimated, so that flooding the table with users does not circumvent the limit.
    """

    failures: Final = 0  # there is no shared store that could fail

    def __init__(
        self,
        rate: Rate | None,
        *,
        now: Callable[[], int] = time.monotonic_ns,
        max_users: int = MAX_USERS,
    ) -> None:
        self._rate = rate
        self._now = now
        self._max_users = max_users
        self._tats: dict[bytes, int] = {}
        self._by_tat: list[tuple[int, bytes]] = []  # a heap; TATs may be outdated

    async def take(self, identity: Identity) -> None:
        """Raises ``rate_limited`` with the seconds until the next attempt is allowed."""
        if self._rate is None:
            return
        now = self._now() // 1000
        self._drop_passed(now)
        key = user_key(identity)
        known = key in self._tats
        full = len(self._tats) >= self._max_users
        before = self._tats[key] if known else self._least() if full else now
        tat = max(before, now) + self._rate.interval
        wait = tat - now - self._rate.tolerance
        if wait > 0:
            raise rate_limited(wait)
        if not known and full:
            _, replaced = heapreplace(self._by_tat, (tat, key))
            del self._tats[replaced]
        elif not known:
            heappush(self._by_tat, (tat, key))
        self._tats[key] = tat

    async def close(self) -> None:
        """There is nothing to close."""

    def _drop_passed(self, now: int) -> None:
        for _ in range(_FREED_PER_ATTEMPT):
            if not self._by_tat or self._by_tat[0][0] > now:
                return
            if self._first_is_current():
                del self._tats[heappop(self._by_tat)[1]]

    def _least(self) -> int:
        """The earliest TAT, which is then the first of the heap."""
        while not self._first_is_current():
            pass
        return self._by_tat[0][0]

    def _first_is_current(self) -> bool:
        """If it is outdated, it is updated, and another entry may become the first."""
        tat, key = self._by_tat[0]
        current = self._tats[key]
        if current > tat:
            heapreplace(self._by_tat, (current, key))
        return current == tat
