"""The one connection that writes: jobs that wait together share a transaction and its fsync."""

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
from profile_infra.stores.sqlite.file import as_answered, is_busy, is_outage

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
_Entry = tuple[Job[Any], asyncio.Future[Any]]

# Seconds for another process's lock. A job waits at most twice: with the batch before, and its own.
LOCK_WAIT: Final = 4.0
_LOOK_AGAIN: Final = 0.005
MOST_WAITING: Final = 1024
# The event loop does nothing else meanwhile: a job takes some 50 µs.
MOST_TOGETHER: Final = 64

_log = logging.getLogger(__name__)


class GroupCommit:
    """Owns a connection that waits for no lock. Made in the event loop that its callers run in.

    Statements run on the event loop, where no other thread contends with them for Python's lock;
    a commit, which waits for the disk, has a thread.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queue: deque[_Entry] = deque()
        self._commits = ThreadPoolExecutor(1, "sqlite-commit")
        self._working: asyncio.Task[None] | None = None
        self.waiting = 0
        self._closed = False

    async def run(self, job: Job[T]) -> T:
        """What the job returns, once its writes are on disk; nothing of a job that raises stays.

        A job leaves transactions alone. It is carried out even if its caller is cancelled.
        Raises ``unavailable`` for an outage, a full queue (1,024 jobs) or after ``close``.
        """
        if self._closed or self.waiting >= MOST_WAITING:
            raise unavailable()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.waiting += 1
        self._queue.append((job, future))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        try:
            return await future
        except sqlite3.Error as error:
            raise as_answered(error) from error

    async def close(self) -> None:
        """Takes no more jobs, and returns when those that wait are done."""
        self._closed = True
        if self._working is not None:
            await asyncio.wait([self._working])
        self._commits.shutdown()
        self._connection.close()

    async def _work(self) -> None:
        while self._queue:
            await self._gather()
            try:
                await self._begin()
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), MOST_TOGETHER))]
            except Exception as error:  # noqa: BLE001  # callers without an answer would wait forever
                batch = list(self._queue)
                self._queue.clear()
                outcomes: list[Any] = [error] * len(batch)
            else:
                outcomes = await self._carry_out([job for job, _ in batch])
            self.waiting -= len(batch)
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                _answer(future, outcome)

    async def _gather(self) -> None:
        """Requests that are here already come along: each batch costs a commit.

        One that was just read from its socket comes in the second turn of the event loop.
        """
        idle = 0
        while idle < 2 and len(self._queue) < MOST_TOGETHER:
            here = len(self._queue)
            await asyncio.sleep(0)
            idle = idle + 1 if len(self._queue) == here else 0

    async def _begin(self) -> None:
        """Another process may hold the file's lock for a while."""
        now = asyncio.get_running_loop().time
        until = now() + LOCK_WAIT
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or now() > until:
                    raise
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                return

    async def _carry_out(self, jobs: list[Job[Any]]) -> list[Any]:
        """What becomes of each job: what it returned, or what it raised."""
        connection = self._connection
        try:
            outcomes = [_attempt(connection, job) for job in jobs]
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._commits, connection.execute, "COMMIT")
        except Exception as error:  # noqa: BLE001  # as above
            _log.warning("%d writes were undone: %s", len(jobs), error)
            with suppress(sqlite3.Error):  # some outages have ended the transaction already
                connection.execute("ROLLBACK")
            return [error] * len(jobs)
        return outcomes


def _answer(future: asyncio.Future[Any], outcome: object) -> None:
    if future.done():  # its caller was cancelled
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _attempt(connection: sqlite3.Connection, job: Job[T]) -> T | Exception:
    """Undoes a failing job alone; an outage is raised, and takes the whole transaction along."""
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
