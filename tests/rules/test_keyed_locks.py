"""A lock for each key, which is dropped when nobody uses it."""

import asyncio
import gc

import pytest

from profile_domain.errors import Code, DomainError, unavailable
from profile_domain.keyed_locks import MAX_WAITING, KeyedLocks


async def test_a_key_has_one_lock_while_it_is_held():
    locks = KeyedLocks()
    async with locks.of("a") as _:
        assert locks.of("a").locked()
        assert not locks.of("b").locked()
    assert not locks.of("a").locked()


async def test_waiters_get_the_lock_in_order():
    locks, order = KeyedLocks(), []

    async def wait(number: int) -> None:
        async with locks.of("a"):
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(wait(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]


async def test_a_released_lock_is_dropped():
    locks = KeyedLocks()
    for key in range(100):
        async with locks.of(key):
            pass
    gc.collect()
    assert not locks._locks


async def test_more_than_the_bound_do_not_wait_for_one_key():
    locks = KeyedLocks()

    async def take(key: str) -> None:
        async with locks.of(key):
            pass

    async with locks.of("a"):
        waiting = [asyncio.create_task(take("a")) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(DomainError, match="unavailable"):
            await take("a")
        await take("b")
        waiting.pop().cancel()
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(take("a")))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    await take("a")


@pytest.mark.parametrize("refusal", [unavailable(), DomainError(Code.FORBIDDEN)], ids=str)
async def test_whoever_waits_while_the_holder_meets_an_outage_meets_it_too(refusal):
    locks, entered = KeyedLocks(), []

    async def enter(who: str, error: DomainError | None = None) -> None:
        async with locks.of("a"):
            entered.append(who)
            await asyncio.sleep(0)
            if error:
                raise error

    waiting = ["second", "third"]
    calls = [enter("first", refusal), *map(enter, waiting)]
    first, *others = await asyncio.gather(*calls, return_exceptions=True)
    assert first is refusal
    is_outage = refusal.code is Code.UNAVAILABLE
    assert [getattr(each, "code", None) for each in others] == 2 * [
        Code.UNAVAILABLE if is_outage else None
    ]
    await enter("later")
    assert entered == ["first", *([] if is_outage else waiting), "later"]
