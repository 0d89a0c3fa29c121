"""The one thread that writes: jobs that wait together share a transaction and its fsync."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from profile_domain.errors import unavailable
from profile_infra.sqlite_file import as_answered, is_outage

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
_Future = asyncio.Future[Any]

# Seconds for another process's lock. A job waits at most twice: with the batch before, and its own.
LOCK_WAIT: Final = 4.0
MOST_WAITING: Final = 1024

_log = logging.getLogger(__name__)


class SqliteWriter:
    """Owns a connection. Made in the event loop that its callers run in."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queue: SimpleQueue[tuple[Job[Any], _Future] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self.waiting = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, job: Job[T]) -> T:
        """What the job returns, once its writes are on disk; nothing of a job that raises stays.

        A job leaves transactions alone. It is carried out even if its caller is cancelled.
        Raises ``unavailable`` for an outage, a full queue (1,024 jobs) or after ``close``.
        """
        if self._closed or self.waiting >= MOST_WAITING:
            raise unavailable()
        future: asyncio.Future[T] = self._loop.create_future()
        self.waiting += 1
        self._queue.put((job, future))
        try:
            return await future
        except sqlite3.Error as error:
            raise as_answered(error) from error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    async def close(self) -> None:
        """Takes no more jobs, and returns when those that wait are done."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        more = True
        while more:
            batch = []
            entry = self._queue.get()
            with suppress(Empty):  # an empty queue ends the batch, None ends the work
                while entry is not None:
                    batch.append(entry)
                    entry = self._queue.get_nowait()
                more = False
            if batch:
                outcomes = self._carry_out([job for job, _ in batch])
                futures = [future for _, future in batch]
                with suppress(RuntimeError):  # the loop is closed: no caller is left to be told
                    self._loop.call_soon_threadsafe(self._answer, futures, outcomes)
        self._connection.close()

    def _carry_out(self, jobs: list[Job[Any]]) -> list[Any]:
        """What becomes of each job: what it returned, or what it raised."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [_attempt(connection, job) for job in jobs]
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # callers without an answer would wait forever
            _log.warning("%d writes were undone: %s", len(jobs), error)
            with suppress(sqlite3.Error):  # some outages have ended the transaction already
                connection.execute("ROLLBACK")
            return [error] * len(jobs)
        return outcomes

    def _answer(self, futures: list[_Future], outcomes: list[Any]) -> None:
        self.waiting -= len(futures)
        for future, outcome in zip(futures, outcomes, strict=True):
            if future.done():  # its caller was cancelled
                continue
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
