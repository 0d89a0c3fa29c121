"""Connections to Postgres: a pool with time limits, which never cancels a write."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import asyncpg

from profile_domain.errors import unavailable
from profile_infra.stores.postgres.failures import (
    FAILURES,
    READ_ONLY,
    advice,
    explained,
    is_gone,
    is_outage,
)
from profile_infra.stores.postgres.nodes import Connection, Nodes
from profile_infra.stores.revisions import UnusableDatabase

T = TypeVar("T")

# Seconds. An update makes two calls, and must be answered within ten.
CALL_SECONDS: Final = 3.5
CLOSE_SECONDS: Final = 1.0
# A connection that was not used for so long is closed: a firewall may have forgotten it.
IDLE_SECONDS: Final = 300.0

_UNUSABLE: Final = (*FAILURES, ValueError)

_log = logging.getLogger(__name__)


class PostgresPool:
    """At most ``size`` connections, with time limits and errors of the domain, for one event loop.

    Usable between ``open`` and ``close``; ``unavailable`` otherwise. ``seconds`` limits what a
    caller waits, including the wait for a connection. No session state is used, so PgBouncer may
    run in transaction mode. ``prepared=False`` is for a PgBouncer without prepared statements: each
    call then takes two round trips.

    A write is never cancelled: Postgres would end its wait for the synchronous standby, and show to
    all what only this node has. It keeps its connection until Postgres answers or the node is left.
    """

    def __init__(self, url: str, *, size: int, prepared: bool, seconds: float) -> None:
        self.seconds = seconds
        self._url = url
        self._prepared = prepared
        self._nodes: Nodes | None = None
        self._size = size
        self._slots = asyncio.Semaphore(size)
        self._free: deque[tuple[Connection, float]] = deque()  # and since when
        self._times_expired = 0
        self._watch: asyncio.Task[None] | None = None
        self._writes: set[asyncio.Task[Any]] = set()
        # Writes that wait for the standby or for a lock leave connections to reads.
        self._alone = asyncio.Semaphore(max(1, size // 2))
        self._busy = 0

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a connection."""
        return max(0, self._busy - self._size)

    async def open(self, check: Callable[[Connection], Awaitable[None]]) -> None:
        """Raises UnusableDatabase, or what ``check`` raises."""
        nodes = None
        try:
            nodes = Nodes(self._url, prepared=self._prepared)
            await nodes.find()
            async with asyncio.timeout(self.seconds):
                connection = await nodes.connect()
                await check(connection)
        except BaseException as error:
            if nodes is not None:
                nodes.leave()
            if isinstance(error, UnusableDatabase) or not isinstance(error, _UNUSABLE):
                raise
            raise UnusableDatabase(explained(error)) from error
        self._nodes, self._slots = nodes, asyncio.Semaphore(self._size)
        self._give_back(connection, self._times_expired)
        self._watch = asyncio.create_task(nodes.watch())

    async def close(self) -> None:
        """Refuses new calls, and returns when the running ones are done, after 1 s at most.

        Writes that still run go on in Postgres.
        """
        nodes, self._nodes = self._nodes, None
        if nodes is None or self._watch is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                for _ in range(self._size):
                    await self._slots.acquire()
        nodes.leave()
        self._watch.cancel()
        await asyncio.gather(self._watch, *self._writes, return_exceptions=True)

    async def read(
        self, job: Callable[[Connection], Awaitable[T]], *, extra_seconds: float = 0
    ) -> T:
        """The result of a job that writes nothing, and is cancelled when its time is over."""
        return await self._run(job, self.seconds + extra_seconds, cancel=True)

    async def write(
        self, job: Callable[[Connection], Awaitable[T]], *, extra_seconds: float = 0
    ) -> T:
        """The job's result. There is no retry: after ``unavailable`` a write may have happened,
        or happen later.
        """
        task = asyncio.create_task(self.finish_alone(job))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        try:
            async with asyncio.timeout(self.seconds + extra_seconds):
                return await asyncio.shield(task)
        except TimeoutError:
            _log.warning("Postgres has not answered in time")
            raise unavailable() from None

    async def finish(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        """The job's result, however long it takes; for a task that nobody cancels."""
        return await self._run(job, self.seconds, cancel=False)

    async def finish_alone(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        """The same, on half of the connections at most."""
        try:
            async with asyncio.timeout(self.seconds):
                await self._alone.acquire()
        except TimeoutError:
            raise unavailable() from None
        try:
            return await self.finish(job)
        finally:
            self._alone.release()

    async def _run(
        self, job: Callable[[Connection], Awaitable[T]], seconds: float, *, cancel: bool
    ) -> T:
        nodes = self._nodes
        if nodes is None:
            raise unavailable()
        self._busy += 1
        try:
            async with asyncio.timeout(seconds) as limit, self._slots:
                times_expired = self._times_expired
                connection = self._take_free() or await nodes.connect()
                if not cancel:
                    limit.reschedule(None)
                try:
                    result = await job(connection)
                except asyncpg.PostgresError:
                    self._give_back(connection, times_expired)
                    raise
                except BaseException:  # what may still come on it is unknown
                    connection.terminate()
                    raise
                self._give_back(connection, times_expired)
                return result
        except FAILURES as error:
            if not is_outage(error) and not is_gone(error):
                raise
            _log.warning("Postgres is out of reach: %s", advice(error) or type(error).__name__)
            if getattr(error, "sqlstate", None) == READ_ONLY:
                self.expire()  # after a fail-over: the next call connects to the new primary
            raise unavailable() from error
        finally:
            self._busy -= 1

    def _take_free(self) -> Connection | None:
        while self._free:
            connection, _ = self._free.pop()
            if not connection.is_closed():
                return connection
        return None

    def _give_back(self, connection: Connection, times_expired: int) -> None:
        if times_expired != self._times_expired:
            connection.terminate()
            return
        now = asyncio.get_running_loop().time()
        self._free.append((connection, now))
        while self._free[0][1] < now - IDLE_SECONDS:
            self._free.popleft()[0].terminate()

    def expire(self) -> None:
        """Closes all connections, busy ones when their job is done."""
        self._times_expired += 1
        while self._free:
            self._free.pop()[0].terminate()
