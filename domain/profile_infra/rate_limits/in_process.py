"""How often one user may try to write, counted in this process.

The generic cell rate algorithm (GCRA, ITU-T I.371) keeps one number for a user, the theoretical
arrival time (TAT): when everything that was taken is paid back. In the past it says nothing.
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
# An attempt leaves one thing to tidy at max_users: a new user, or a heap that lags behind.
_FREED_PER_ATTEMPT: Final = 2


class Rate(NamedTuple):
    """``burst`` attempts at once, and one more after each ``interval`` (microseconds)."""

    burst: int
    interval: int

    @property
    def tolerance(self) -> int:
        """How far in the future a TAT may lie, in microseconds."""
        return self.burst * self.interval


def parse_rate(text: str) -> Rate | None:
    """``120/minute`` and the like, or ``off``. Raises ValueError with what to write."""
    if text.strip().lower() == OFF:
        return None
    parts = _RATE.fullmatch(text)
    if parts is None:
        raise ValueError("write a rate as 120/minute, 10/second or 5000/hour, or off")
    burst = int(parts[1])
    return Rate(burst, max(1, _SECONDS[parts[2]] * _MICROSECONDS // burst))


def user_key(identity: Identity) -> bytes:
    """16 bytes, however long the names are, that do not tell them."""
    user = repr((identity.tenant_id.int, identity.issuer, identity.subject))
    return sha256(user.encode("utf-8", "surrogatepass")).digest()[:16]


def rate_limited(wait: int) -> DomainError:
    """``wait`` is in microseconds; the client is told the whole seconds that are enough."""
    return DomainError(Code.RATE_LIMITED, retry_after=-(-wait // _MICROSECONDS))


class InProcessRateLimit:
    """GCRA for each user, on a clock that never goes back (``now``, in nanoseconds).

    A user who has paid back is forgotten. When 65,536 have not, a new user takes the place and
    the TAT of the one with the least to pay back (the space-saving algorithm): whoever comes back
    after that is charged no less than before, so no number of users gets one past the limit.
    """

    failures: Final = 0  # of a store that is no other process's

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
        self._by_tat: list[tuple[int, bytes]] = []  # a heap; a TAT in it may be an earlier one

    async def take(self, identity: Identity) -> None:
        """Raises ``rate_limited`` with the seconds until there is room again."""
        if self._rate is None:
            return
        now = self._now() // 1000
        self._forget_paid(now)
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
        """Nothing is held."""

    def _forget_paid(self, now: int) -> None:
        for _ in range(_FREED_PER_ATTEMPT):
            if not self._by_tat or self._by_tat[0][0] > now:
                return
            if self._first_is_current():
                del self._tats[heappop(self._by_tat)[1]]

    def _least(self) -> int:
        """The earliest TAT of all, which is then the heap's first."""
        while not self._first_is_current():
            pass
        return self._by_tat[0][0]

    def _first_is_current(self) -> bool:
        """If it is not, it is brought up to date, and another may be the first."""
        tat, key = self._by_tat[0]
        current = self._tats[key]
        if current > tat:
            heapreplace(self._by_tat, (current, key))
        return current == tat
