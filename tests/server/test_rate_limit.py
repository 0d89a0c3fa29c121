"""The rate limit of a user, on a clock that the test controls."""

import sys
import tracemalloc
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profile_domain.caller import Identity
from profile_domain.errors import Code, DomainError
from profile_infra.rate_limits.in_process import MAX_USERS, InProcessRateLimit, Rate, parse_rate

ADA = Identity(UUID(int=1), "https://idp.example", "ada")
SECOND = 1_000_000_000
RATES = ["1/second", "2/minute", "7/minute", "120/minute", "5/hour", "1/day", "3/day"]


def user(number):
    return Identity(UUID(int=1), "https://idp.example", f"user-{number}")


class Limit:
    """A limit with its clock, which begins anywhere, as a machine's does."""

    def __init__(self, rate, now=12_345_678_901_234, **bound):
        self.rate = parse_rate(rate) if isinstance(rate, str) else rate
        self.now = now
        self.limit = InProcessRateLimit(self.rate, now=lambda: self.now, **bound)

    async def take(self, identity=ADA):
        """None, or ``retry_after``."""
        try:
            await self.limit.take(identity)
        except DomainError as error:
            assert error.code is Code.RATE_LIMITED
            return error.retry_after
        return None

    @property
    def remembered(self):
        return len(self.limit._tats)


def pieces(rate):
    number, _, unit = rate.partition("/")
    return int(number), {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}[unit]


@pytest.mark.parametrize("rate", RATES)
async def test_all_attempts_of_a_period_may_come_at_once_and_then_one_by_one(rate):
    number, period = pieces(rate)
    limit = Limit(rate)
    assert [await limit.take() for _ in range(number)] == [None] * number
    assert await limit.take()
    for _ in range(3):
        limit.now += period * SECOND // number
        assert await limit.take() is None
        assert await limit.take()
    limit.now += period * SECOND
    assert [await limit.take() for _ in range(number)] == [None] * number
    assert await limit.take()


@given(
    number=st.integers(1, 50),
    unit=st.sampled_from(["second", "minute", "hour", "day"]),
    start=st.integers(0, 10**18),
    pauses=st.lists(st.integers(0, 10**10), max_size=60),
)
async def test_waiting_for_retry_after_is_enough_and_a_second_less_is_not(
    number, unit, start, pauses
):
    limit = Limit(f"{number}/{unit}", start)
    for pause in pauses:
        limit.now += pause
        await limit.take()
    while (result := await limit.take()) is None:
        pass
    assert result >= 1
    if result > 1:
        limit.now += (result - 1) * SECOND
        assert await limit.take() == 1
        limit.now += SECOND
    else:
        limit.now += SECOND
    assert await limit.take() is None


async def test_attempts_that_are_refused_do_not_lengthen_the_wait():
    limit = Limit("2/minute")
    assert [await limit.take() for _ in range(100)] == [None, None, *[30] * 98]


async def test_users_of_other_names_tenants_and_issuers_are_counted_apart():
    limit = Limit("1/day")
    users = [
        ADA,
        Identity(UUID(int=2), ADA.issuer, ADA.subject),
        Identity(ADA.tenant_id, "https://idp.example'", ADA.subject),
        Identity(ADA.tenant_id, ADA.issuer, "bea"),
        Identity(ADA.tenant_id, ADA.issuer + "ada", ""),
        Identity(ADA.tenant_id, ADA.issuer, "\ud800"),
    ]
    assert [await limit.take(each) for each in users] == [None] * len(users)
    assert None not in [await limit.take(each) for each in users]


async def test_the_time_of_day_means_nothing(monkeypatch):
    """A machine's clock that is set back keeps nobody waiting, and one set ahead frees nobody."""
    limit = InProcessRateLimit(parse_rate("1/minute"))
    monkeypatch.setattr("time.time", lambda: pytest.fail("this clock is set by operators"))
    await limit.take(ADA)
    with pytest.raises(DomainError) as refused:
        await limit.take(ADA)
    assert refused.value.retry_after <= 60


async def test_who_was_away_for_long_may_catch_nothing_up():
    limit = Limit("3/minute")
    for number in range(100):
        await limit.take(user(number))
    limit.now += 3600 * SECOND
    assert [await limit.take(user(99)) for _ in range(4)] == [None, None, None, 20]


async def test_off_is_no_limit_and_remembers_nobody():
    limit = Limit("off")
    assert [await limit.take() for _ in range(1000)] == [None] * 1000
    assert limit.remembered == 0


@pytest.mark.parametrize(
    "text", ["", "0/minute", "1/week", "1 per minute", "-1/day", "1/day;2/day"]
)
def test_a_rate_that_cannot_be_read_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="120/minute"):
        parse_rate(text)


async def test_who_has_paid_back_is_forgotten_while_others_come():
    limit = Limit("120/minute")
    for number in range(20_000):
        limit.now += SECOND // 1000
        assert await limit.take(user(number)) is None
        assert limit.remembered <= 600, "those of half a second, and as many not yet tidied up"


async def test_twenty_thousand_users_at_their_limit_take_little_memory_and_then_none():
    limit = Limit("2/hour")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(40_000):
            assert await limit.take(user(number % 20_000)) is None
        assert limit.remembered == 20_000
        assert tracemalloc.get_traced_memory()[0] - before < 20_000 * 400
    finally:
        tracemalloc.stop()
    limit.now += 2 * 3600 * SECOND
    for _ in range(20_000):
        await limit.take()
    assert limit.remembered == 1


@pytest.mark.parametrize("rate", ["1/day", "100/day"])
async def test_no_number_of_users_is_too_many(rate):
    limit = Limit(rate, max_users=500)
    for number in range(5000):
        await limit.take(user(number))
        await limit.take(user(number // 2))
        assert limit.remembered <= 500
        assert len(limit.limit._by_tat) == limit.remembered
    assert MAX_USERS <= 100_000


@given(
    steps=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3 * SECOND)), max_size=200),
    burst=st.integers(1, 4),
)
async def test_no_crowd_gets_anybody_past_the_limit(steps, burst):
    """Eight users where there is room for three: whoever is let in would be without a bound too."""
    rate = Rate(burst, 1_000_000)
    bounded = Limit(rate, max_users=3)
    alone = {number: Limit(rate) for number in range(8)}
    for number, pause in steps:
        bounded.now += pause
        if await bounded.take(user(number)) is None:
            alone[number].now = bounded.now
            assert await alone[number].take(user(number)) is None


async def test_within_the_bound_a_crowd_changes_nothing():
    crowded, alone = Limit("3/minute"), Limit("3/minute")
    for number in range(2000):
        await crowded.take(user(number))
        crowded.now += SECOND // 10
        alone.now = crowded.now
        assert await crowded.take() == await alone.take()


async def lines_of(limit, attempts):
    """How many lines of the module these attempts run."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += event == "line"
        return trace if frame.f_globals["__name__"] == InProcessRateLimit.__module__ else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for each in attempts:
            await limit.take(each)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("most", [MAX_USERS, 500])
async def test_an_attempt_costs_the_same_among_few_and_among_many(most):
    limit = Limit("100/hour", max_users=most)
    few = await lines_of(limit, [user(number % 100) for number in range(1000)])
    for number in range(10_000):
        await limit.take(user(number))
    many = await lines_of(limit, [user(number % 10_000) for number in range(20_000)])
    assert many / 20 < 1.5 * few
