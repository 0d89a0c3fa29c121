"""Calls that wait at the same time share a batch; each keeps its own result or exception."""

import asyncio

import pytest

from profile_domain.errors import Code, DomainError
from profile_infra.stores.postgres.batching import MAX_BATCH, CallBatcher


class Doubler:
    """Doubles numbers; a batch ends once ``open`` is set. 13 raises ValueError."""

    def __init__(self, *, concurrency: int = 1, cancel: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None
        self.rolled_back = False
        self.batcher = CallBatcher(
            self.run_batch,
            self.run_one,
            concurrency=concurrency,
            seconds=60,
            cancel=cancel,
        )

    async def run_one(self, number: int) -> int:
        self.batches.append([number])
        if number == 13:
            raise ValueError(number)
        return 2 * number

    async def run_batch(self, numbers: list[int]) -> list[int] | None:
        self.batches.append(numbers)
        await self.open.wait()
        if self.error and len(numbers) > 1:
            raise self.error
        return None if self.rolled_back else [2 * number for number in numbers]

    async def call(self, *numbers: int) -> list[asyncio.Task[int]]:
        tasks = [asyncio.create_task(self.batcher.run(number)) for number in numbers]
        await asyncio.sleep(0)
        return tasks


async def test_calls_made_while_a_batch_runs_share_the_next():
    doubler = Doubler()
    calls = await doubler.call(1, 2, 3)
    assert doubler.batcher.waiting == 2
    doubler.open.set()
    assert await asyncio.gather(*calls) == [2, 4, 6]
    assert doubler.batches == [[1], [2, 3]]


async def test_as_many_batches_run_at_once_as_are_allowed():
    doubler = Doubler(concurrency=2)
    calls = await doubler.call(1, 2, 3)
    doubler.open.set()
    assert await asyncio.gather(*calls) == [2, 4, 6]
    assert doubler.batches == [[1], [2], [3]]


async def test_a_batch_has_a_largest_size():
    doubler = Doubler()
    calls = await doubler.call(*range(100, 102 + MAX_BATCH))
    doubler.open.set()
    await asyncio.gather(*calls)
    assert [len(batch) for batch in doubler.batches] == [1, MAX_BATCH, 1]


async def test_the_calls_of_a_batch_that_was_rolled_back_run_one_by_one():
    doubler = Doubler()
    doubler.rolled_back = True
    calls = await doubler.call(1, 12, 13, 14)
    doubler.open.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert results[:2] + results[3:] == [2, 24, 28]
    assert isinstance(results[2], ValueError)
    assert doubler.batches == [[1], [1], [12, 13, 14], [12], [13], [14]]


async def test_an_exception_of_a_batch_is_raised_by_its_calls_and_no_others():
    doubler = Doubler()
    doubler.error = ConnectionError()
    calls = await doubler.call(1, 2, 3)
    doubler.open.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert results[0] == 2
    assert results[1] is results[2] is doubler.error
    assert await doubler.batcher.run(4) == 8


async def test_a_cancelled_call_is_in_no_batch():
    doubler = Doubler()
    first, second, third = await doubler.call(1, 2, 3)
    second.cancel()
    doubler.open.set()
    assert [await first, await third] == [2, 6]
    assert doubler.batches == [[1], [3]]


async def test_a_call_cancelled_while_its_batch_runs_disturbs_no_other():
    doubler = Doubler()
    first, second, third = await doubler.call(1, 2, 3)
    doubler.open.set()
    assert await first == 2
    doubler.open.clear()
    await asyncio.sleep(0)
    second.cancel()
    doubler.open.set()
    assert await third == 6
    assert await doubler.batcher.run(4) == 8


async def test_cancelling_the_running_call_starts_the_next_batch():
    doubler = Doubler()
    first, second = await doubler.call(1, 2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    doubler.open.set()
    assert await second == 4


async def test_draining_waits_for_all_calls_made_so_far():
    doubler = Doubler()
    calls = await doubler.call(1, 2, 3)
    draining = asyncio.create_task(doubler.batcher.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    doubler.open.set()
    await draining
    assert [each.result() for each in calls] == [2, 4, 6]
    await doubler.batcher.drain()


async def test_a_job_that_is_not_to_be_cancelled_goes_on_without_its_caller():
    doubler = Doubler(cancel=False)
    first, second = await doubler.call(1, 2)
    first.cancel()
    await asyncio.sleep(0)
    assert doubler.batcher.waiting == 1, "the first is still at work"
    doubler.open.set()
    assert await second == 4
    assert doubler.batches == [[1], [2]]


async def test_whoever_waits_too_long_is_told_so_and_a_queued_job_is_dropped():
    doubler = Doubler(cancel=False)
    doubler.batcher.seconds = 0.01
    for outcome in await asyncio.gather(*await doubler.call(1, 2), return_exceptions=True):
        assert isinstance(outcome, DomainError)
        assert outcome.code is Code.UNAVAILABLE
    doubler.open.set()
    await doubler.batcher.drain()
    assert doubler.batches == [[1]]
