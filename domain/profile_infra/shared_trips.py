"""Calls that wait at the same time go to the store together; each keeps its own answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

Job = TypeVar("Job")
Told = TypeVar("Told")

MOST_TOGETHER: Final = 32


class SharedTrips(Generic[Job, Told]):
    """A call sets out alone while fewer than ``at_once`` trips are under way.

    Those that come meanwhile wait, and the next trip takes up to 32 of them. ``alone`` does one
    job. ``together`` does several and tells of each, in their order; or it does none of them, and
    returns None: each then goes alone, and fails alone if it must. What ``together`` raises, all
    are told.
    """

    def __init__(
        self,
        alone: Callable[[Job], Awaitable[Told]],
        together: Callable[[Sequence[Job]], Awaitable[Sequence[Told] | None]],
        *,
        at_once: int,
    ) -> None:
        self._alone = alone
        self._together = together
        self._free = at_once
        self._queue: deque[tuple[Job, asyncio.Future[Told]]] = deque()
        self._trips: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many calls have not set out yet."""
        return len(self._queue)

    async def finish(self) -> None:
        """Returns when all that has been asked until now is done."""
        asked: list[asyncio.Future[Any]] = [future for _, future in self._queue]
        if asked or self._trips:
            await asyncio.wait([*asked, *self._trips])

    async def run(self, job: Job) -> Told:
        """A job that has set out with others is done even if its caller is cancelled."""
        if self._free:
            self._free -= 1
            try:
                return await self._alone(job)
            finally:
                self._arrived()
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._queue.append((job, future))
        return await future

    def _arrived(self) -> None:
        self._free += 1
        trip: list[tuple[Job, asyncio.Future[Told]]] = []
        while self._queue and len(trip) < MOST_TOGETHER:
            job, future = self._queue.popleft()
            if not future.done():  # its caller was cancelled
                trip.append((job, future))
        if trip:
            self._free -= 1
            task = asyncio.create_task(self._travel(trip))
            self._trips.add(task)
            task.add_done_callback(self._trips.discard)

    async def _travel(self, trip: list[tuple[Job, asyncio.Future[Told]]]) -> None:
        told: Sequence[Told] | None = None
        try:
            if len(trip) > 1:
                told = await self._together([job for job, _ in trip])
        except Exception as error:  # noqa: BLE001  # callers without an answer would wait forever
            for _, future in trip:
                if not future.done():
                    future.set_exception(error)
        else:
            if told is None:
                await asyncio.gather(*(self._go_alone(job, future) for job, future in trip))
            else:
                for (_, future), each in zip(trip, told, strict=True):
                    if not future.done():
                        future.set_result(each)
        finally:
            self._arrived()

    async def _go_alone(self, job: Job, future: asyncio.Future[Told]) -> None:
        try:
            told = await self._alone(job)
        except Exception as error:  # noqa: BLE001  # as above
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(told)
