"""One after the other for each key, and no trace of a key once nobody is at it."""

import asyncio
import gc

from profile_domain.keyed_locks import KeyedLocks


async def test_the_same_key_has_one_lock_as_long_as_somebody_is_at_it():
    turns = KeyedLocks()
    async with turns.of("a") as _:
        assert turns.of("a").locked()
        assert not turns.of("b").locked()
    assert not turns.of("a").locked()


async def test_those_who_wait_come_in_their_order():
    turns, order = KeyedLocks(), []

    async def come(number: int) -> None:
        async with turns.of("a"):
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(come(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]


async def test_nothing_is_kept_of_a_key_that_nobody_is_at():
    turns = KeyedLocks()
    for key in range(100):
        async with turns.of(key):
            pass
    gc.collect()
    assert not turns._locks
