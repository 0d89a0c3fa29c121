"""How often one user may try to write."""

import time
from uuid import UUID

import pytest

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError
from profile_infra import rate_limit
from profile_infra.rate_limit import UserRateLimit, parse_rate

ADA = Identity(UUID(int=1), "https://idp.example", "ada")


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test moves by hand."""

    class Clock:
        now = time.time()

    monkeypatch.setattr(time, "time", lambda: Clock.now)
    assert rate_limit.time is time
    return Clock


async def limited(limit):
    try:
        await limit.take(ADA)
    except DomainError as error:
        assert error.code is Code.RATE_LIMITED
        return error.retry_after
    return None


async def test_a_clock_that_steps_back_keeps_nobody_waiting_for_it(clock):
    limit = UserRateLimit(parse_rate("2/minute"))
    assert [await limited(limit) for _ in range(3)] == [None, None, 60]
    clock.now -= 3600
    assert [await limited(limit) for _ in range(3)] == [None, None, 60]


async def test_a_clock_that_is_trimmed_gives_nothing_away(clock):
    limit = UserRateLimit(parse_rate("2/minute"))
    assert [await limited(limit) for _ in range(2)] == [None, None]
    clock.now -= 0.5
    assert await limited(limit)
