"""Group commit: jobs that wait at the same time share a transaction and its fsync."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

from profile_domain.errors import unavailable
from profile_infra.stores.sqlite.file import is_busy, is_outage, translated

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
_Queued = tuple[Job[Any], asyncio.Future[Any]]

# Seconds to wait for another process's lock. A job may wait twice: for the batch before it, and
# in its own.
LOCK_WAIT: Final = 4.0
_RETRY_SECONDS: Final = 0.005
MAX_QUEUED: Final = 1024
# A job blocks the event loop for about 50 µs.
MAX_BATCH: Final = 64

_log = logging.getLogger(__name__)


class GroupCommit:
    """The only writer. Owns a connection without ``busy_timeout``; bound to one event loop.

    Statements run on the event loop, which spares them contention for the GIL. Commits wait for
    the disk in a thread.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queue: deque[_Queued] = deque()
        self._commits = ThreadPoolExecutor(1, "sqlite-commit")
        self._worker: asyncio.Task[None] | None = None
        self.waiting = 0
        self._closed = False

    async def run(self, job: Job[T]) -> T:
        """The job's result, once its writes are on disk. A job that raises is rolled back alone.

        The job must not begin or end transactions. It runs even if its caller is cancelled.
        Raises ``unavailable`` for an outage, a full queue (1,024 jobs) and after ``close``.
        """
        if self._closed or self.waiting >= MAX_QUEUED:
            raise unavailable()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.waiting += 1
        self._queue.append((job, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        try:
            return await future
        except sqlite3.Error as error:
            raise translated(error) from error

    async def close(self) -> None:
        """Refuses new jobs, and returns when the queued ones are done."""
        self._closed = True
        if self._worker is not None:
            await asyncio.wait([self._worker])
        self._commits.shutdown()
        self._connection.close()

    async def _work(self) -> None:
        while self._queue:
            await self._gather()
            try:
                await self._begin()
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
            except Exception as error:  # noqa: BLE001  # a caller without a result would wait forever
                batch = list(self._queue)
                self._queue.clear()
                outcomes: list[Any] = [error] * len(batch)
            else:
                outcomes = await self._run_batch([job for job, _ in batch])
            self.waiting -= len(batch)
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                _resolve(future, outcome)

    async def _gather(self) -> None:
        """Lets requests that have already arrived join the batch, since each batch costs a commit.

        A request that was just read from its socket takes two iterations of the event loop.
        """
        idle = 0
        while idle < 2 and len(self._queue) < MAX_BATCH:
            before = len(self._queue)
            await asyncio.sleep(0)
            idle = idle + 1 if len(self._queue) == before else 0

    async def _begin(self) -> None:
        """Retries while another process holds the file's lock, without blocking the event loop."""
        now = asyncio.get_running_loop().time
        until = now() + LOCK_WAIT
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or now() > until:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _run_batch(self, jobs: list[Job[Any]]) -> list[Any]:
        """Each job's result or exception."""
        connection = self._connection
        try:
            outcomes = [_attempt(connection, job) for job in jobs]
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._commits, connection.execute, "COMMIT")
        except Exception as error:  # noqa: BLE001  # as above
            _log.warning("%d writes were rolled back: %s", len(jobs), error)
            with suppress(sqlite3.Error):  # some outages have ended the transaction already
                connection.execute("ROLLBACK")
            return [error] * len(jobs)
        return outcomes


def _resolve(future: asyncio.Future[Any], outcome: object) -> None:
    if future.done():  # its caller was cancelled
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _attempt(connection: sqlite3.Connection, job: Job[T]) -> T | Exception:
    """Rolls back a job that raises; an outage is raised, and fails the whole batch."""
    connection.execute("SAVEPOINT job")
    outcome: T | Exception
    try:
        outcome = job(connection)
    except Exception as error:
        if is_outage(error):
            raise
        connection.execute("ROLLBACK TO job")
        outcome = error
    connection.execute("RELEASE job")
    return outcome
