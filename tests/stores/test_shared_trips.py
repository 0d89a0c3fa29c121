"""Calls that wait at the same time go together; each keeps its own answer and failure."""

import asyncio

import pytest

from profile_infra.stores.postgres.batching import MOST_TOGETHER, CallBatcher


class Road:
    """Doubles numbers; a trip arrives when it is let through. 13 is refused."""

    def __init__(self, *, at_once: int = 1) -> None:
        self.trips: list[list[int]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None
        self.undone = False
        self.shared = CallBatcher(self.together, self.alone, at_once=at_once)

    async def alone(self, number: int) -> int:
        self.trips.append([number])
        if number == 13:
            raise ValueError(number)
        return 2 * number

    async def together(self, numbers: list[int]) -> list[int] | None:
        self.trips.append(numbers)
        await self.open.wait()
        if self.error and len(numbers) > 1:
            raise self.error
        return None if self.undone else [2 * number for number in numbers]

    async def ask(self, *numbers: int) -> list[asyncio.Task[int]]:
        tasks = [asyncio.create_task(self.shared.run(number)) for number in numbers]
        await asyncio.sleep(0)
        return tasks


async def test_those_that_come_while_one_is_under_way_go_together():
    road = Road()
    asked = await road.ask(1, 2, 3)
    assert road.shared.waiting == 2
    road.open.set()
    assert await asyncio.gather(*asked) == [2, 4, 6]
    assert road.trips == [[1], [2, 3]]


async def test_as_many_set_out_alone_as_may_be_under_way():
    road = Road(at_once=2)
    asked = await road.ask(1, 2, 3)
    road.open.set()
    assert await asyncio.gather(*asked) == [2, 4, 6]
    assert road.trips == [[1], [2], [3]]


async def test_a_trip_takes_so_many_and_no_more():
    road = Road()
    asked = await road.ask(*range(100, 102 + MOST_TOGETHER))
    road.open.set()
    await asyncio.gather(*asked)
    assert [len(trip) for trip in road.trips] == [1, MOST_TOGETHER, 1]


async def test_when_a_trip_did_nothing_each_goes_alone_and_fails_alone():
    road = Road()
    road.undone = True
    asked = await road.ask(1, 12, 13, 14)
    road.open.set()
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert told[:2] + told[3:] == [2, 24, 28]
    assert isinstance(told[2], ValueError)
    assert road.trips == [[1], [1], [12, 13, 14], [12], [13], [14]]


async def test_what_befalls_a_trip_is_told_to_all_on_it_and_to_nobody_else():
    road = Road()
    road.error = ConnectionError()
    asked = await road.ask(1, 2, 3)
    road.open.set()
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert told[0] == 2
    assert told[1] is told[2] is road.error
    assert await road.shared.run(4) == 8


async def test_one_who_left_does_not_travel():
    road = Road()
    first, second, third = await road.ask(1, 2, 3)
    second.cancel()
    road.open.set()
    assert [await first, await third] == [2, 6]
    assert road.trips == [[1], [3]]


async def test_one_who_leaves_on_the_way_keeps_nobody_from_arriving():
    road = Road()
    first, second, third = await road.ask(1, 2, 3)
    road.open.set()
    assert await first == 2
    road.open.clear()
    await asyncio.sleep(0)
    second.cancel()
    road.open.set()
    assert await third == 6
    assert await road.shared.run(4) == 8


async def test_one_who_leaves_alone_makes_way():
    road = Road()
    first, second = await road.ask(1, 2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    road.open.set()
    assert await second == 4


async def test_finishing_waits_for_all_that_was_asked():
    road = Road()
    asked = await road.ask(1, 2, 3)
    finishing = asyncio.create_task(road.shared.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    road.open.set()
    await finishing
    assert [each.result() for each in asked] == [2, 4, 6]
    await road.shared.finish()
