"""Calls that wait at the same time are sent in one batch; each caller gets its own result."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from profile_domain.errors import unavailable

Job = TypeVar("Job")
Result = TypeVar("Result")
_Call = tuple[Job, asyncio.Future[Result]]

MAX_BATCH: Final = 32

_log = logging.getLogger(__name__)


class CallBatcher(Generic[Job, Result]):
    """Runs a call at once while fewer than ``concurrency`` batches are running.

    Later calls are queued; the next batch takes up to 32 of them. ``run_batch`` gives a result for
    each job, in order, or None if it was rolled back: then each job goes through ``run_one``, which
    may take long and holds up no batch. An exception of ``run_batch`` is raised by all its calls.
    A caller whose job is queued or not to be cancelled gets ``unavailable`` after ``seconds``. With
    ``cancel`` a call that is run at once is cancelled with its caller, which saves a task.
    """

    def __init__(
        self,
        run_batch: Callable[[Sequence[Job]], Awaitable[Sequence[Result] | None]],
        run_one: Callable[[Job], Awaitable[Result]],
        *,
        concurrency: int,
        seconds: float,
        cancel: bool,
    ) -> None:
        self.seconds = seconds
        self._cancel = cancel
        self._run_batch = run_batch
        self._run_one = run_one
        self._free = concurrency
        self._queue: deque[_Call[Job, Result]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """The number of queued calls."""
        return len(self._queue)

    async def drain(self) -> None:
        """Returns when all calls made so far are done."""
        queued: list[asyncio.Future[Any]] = [future for _, future in self._queue]
        if queued or self._tasks:
            await asyncio.wait([*queued, *self._tasks])

    async def run(self, job: Job) -> Result:
        """The job's result. Once in a batch, a job is done even if its caller is gone."""
        if not self._free:
            future = self._future()
            self._queue.append((job, future))
            return await self._in_time(future)
        self._free -= 1
        if not self._cancel:
            future = self._future()
            self._start(self._resolve_batch([(job, future)]))
            return await self._in_time(future)
        try:
            results = await self._run_batch([job])
        finally:
            self._start_next()
        return await self._run_one(job) if results is None else results[0]

    async def run_alone(self, job: Job) -> Result:
        """The result of a job that is not part of a batch."""
        future = self._future()
        self._start(self._resolve_one(job, future))
        return await self._in_time(future)

    def _future(self) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().create_future()

    async def _in_time(self, future: asyncio.Future[Result]) -> Result:
        # Half the cost of asyncio.timeout, which would cancel the caller.
        timer = asyncio.get_running_loop().call_later(self.seconds, _give_up, future)
        try:
            return await future
        finally:
            timer.cancel()

    def _start_next(self) -> None:
        self._free += 1
        batch: list[_Call[Job, Result]] = []
        while self._queue and len(batch) < MAX_BATCH:
            job, future = self._queue.popleft()
            if not future.done():  # its caller was cancelled
                batch.append((job, future))
        if batch:
            self._free -= 1
            self._start(self._resolve_batch(batch))

    def _start(self, work: Any) -> None:  # noqa: ANN401  # a coroutine
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resolve_batch(self, batch: list[_Call[Job, Result]]) -> None:
        try:
            results = await self._run_batch([job for job, _ in batch])
        except Exception as error:  # noqa: BLE001  # a caller without a result would wait forever
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for place, (job, future) in enumerate(batch):
                if results is None:
                    self._start(self._resolve_one(job, future))
                elif not future.done():
                    future.set_result(results[place])
        finally:
            self._start_next()

    async def _resolve_one(self, job: Job, future: asyncio.Future[Result]) -> None:
        try:
            result = await self._run_one(job)
        except Exception as error:  # noqa: BLE001  # as above
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(result)


def _give_up(future: asyncio.Future[Any]) -> None:
    if not future.done():
        _log.warning("Postgres has not answered in time")
        future.set_exception(unavailable())
