"""How often one user may try to write, counted in this process by the ``limits`` library."""

from __future__ import annotations

import math
import re
import time
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError

OFF = "off"
_RATE = re.compile("[1-9][0-9]{0,8}/(second|minute|hour|day)")
STEP = 1.0  # in seconds; less is a clock being trimmed


def parse_rate(text: str) -> RateLimitItem | None:
    """``120/minute`` and the like, or ``off``. Raises ValueError with what to write."""
    if text.strip().lower() == OFF:
        return None
    if not _RATE.fullmatch(text):
        raise ValueError("write a rate as 120/minute, 10/second or 5000/hour, or off")
    return parse(text)


class UserRateLimit:
    """A moving window for each user.

    The library's synchronous memory storage takes 4 µs; its asynchronous one looks at every
    user's counter each time.
    """

    failures: Final = 0  # of a store that is no other process's

    def __init__(self, rate: RateLimitItem | None) -> None:
        self._rate = rate
        self._windows = MovingWindowRateLimiter(MemoryStorage())
        self._latest = time.time()

    async def take(self, identity: Identity) -> None:
        """Raises ``rate_limited`` with the seconds until the window has room again."""
        if self._rate is None:
            return
        now = time.time()
        if now < self._latest - STEP:
            # The clock was set back: attempts of the future would count until it is there again.
            self._windows = MovingWindowRateLimiter(MemoryStorage())
        self._latest = now
        key = (str(identity.tenant_id), identity.issuer, identity.subject)
        if not self._windows.hit(self._rate, *key):
            room_at = self._windows.get_window_stats(self._rate, *key).reset_time
            wait = max(1, math.ceil(room_at - time.time()))
            raise DomainError(Code.RATE_LIMITED, retry_after=wait)

    async def close(self) -> None:
        """Nothing is held."""
