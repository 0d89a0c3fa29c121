"""Calls that wait at the same time go to the store together; each keeps its own answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

Job = TypeVar("Job")
Told = TypeVar("Told")
_Passenger = tuple[Job, asyncio.Future[Told]]

MOST_TOGETHER: Final = 32


class CallBatcher(Generic[Job, Told]):
    """A call sets out at once while fewer than ``at_once`` trips are under way.

    Those that come meanwhile wait, and the next trip takes up to 32 of them. ``together`` does
    all its jobs and tells of each, in their order. Or, soon, it has done none and gives None:
    then each is done ``alone``, takes the time it takes, and keeps no trip from setting out.
    What ``together`` raises, all on the trip are told.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Job]], Awaitable[Sequence[Told] | None]],
        alone: Callable[[Job], Awaitable[Told]],
        *,
        at_once: int,
    ) -> None:
        self._together = together
        self._alone = alone
        self._free = at_once
        self._queue: deque[_Passenger[Job, Told]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many calls have not set out yet."""
        return len(self._queue)

    async def finish(self) -> None:
        """Returns when all that has been asked until now is done."""
        asked: list[asyncio.Future[Any]] = [future for _, future in self._queue]
        if asked or self._tasks:
            await asyncio.wait([*asked, *self._tasks])

    async def run(self, job: Job) -> Told:
        """A job that has set out with others is done even if its caller is cancelled."""
        if not self._free:
            future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
            self._queue.append((job, future))
            return await future
        self._free -= 1
        try:
            results = await self._together([job])
        finally:
            self._arrived()
        return await self._alone(job) if results is None else results[0]

    def _arrived(self) -> None:
        self._free += 1
        trip: list[_Passenger[Job, Told]] = []
        while self._queue and len(trip) < MOST_TOGETHER:
            job, future = self._queue.popleft()
            if not future.done():  # its caller was cancelled
                trip.append((job, future))
        if trip:
            self._free -= 1
            self._start(self._travel(trip))

    def _start(self, work: Any) -> None:  # noqa: ANN401  # a coroutine
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _travel(self, trip: list[_Passenger[Job, Told]]) -> None:
        try:
            results = await self._together([job for job, _ in trip])
        except Exception as error:  # noqa: BLE001  # callers without an answer would wait forever
            for _, future in trip:
                if not future.done():
                    future.set_exception(error)
        else:
            for place, (job, future) in enumerate(trip):
                if results is None:
                    self._start(self._go_alone(job, future))
                elif not future.done():
                    future.set_result(results[place])
        finally:
            self._arrived()

    async def _go_alone(self, job: Job, future: asyncio.Future[Told]) -> None:
        try:
            results = await self._alone(job)
        except Exception as error:  # noqa: BLE001  # as above
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(results)
