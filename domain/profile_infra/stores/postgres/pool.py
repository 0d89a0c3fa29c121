"""Connections to Postgres: a pool with timeouts, and the classification of errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import asyncpg

from profile_domain.errors import unavailable
from profile_infra.stores.revisions import UnusableDatabase

T = TypeVar("T")
# asyncpg does not declare its types (PEP 561).
Connection = Any

# Seconds. An update makes two calls, and must be answered within ten.
CALL_SECONDS: Final = 3.5
_CANCEL_SECONDS: Final = 0.5
_CLOSE_SECONDS: Final = 5.0

READ_ONLY: Final = "25006"
# SQLSTATE classes of an outage: connection, rollback, resources, operator, system.
_OUTAGE_CLASSES: Final = frozenset({"08", "40", "53", "57", "58"})
_OUTAGES: Final = frozenset(
    {
        READ_ONLY,
        "25P03",  # idle_in_transaction_session_timeout
        "25P04",  # transaction_timeout
        "28000",  # the role may not connect
        "28P01",  # the password was changed
        "3D000",  # the database is gone
        "55P03",  # lock_timeout
        "XX001",  # data_corrupted
        "XX002",  # index_corrupted
    }
)

# TimeoutError is an OSError.
FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

_log = logging.getLogger(__name__)


class PostgresPool:
    """Usable between ``open`` and ``close``, in one event loop; ``unavailable`` otherwise.

    ``seconds`` limits a call, including the wait for a connection. No session state is used, so
    PgBouncer may run in transaction mode. ``prepared=False`` is for a PgBouncer without prepared
    statements: each call then takes two round trips.

    asyncpg's own pool adds half the cost of a call, by proxies of its connections. This one gives
    out the connections themselves, and drops one whose call did not end cleanly.
    """

    def __init__(self, url: str, *, size: int, prepared: bool, seconds: float) -> None:
        self._url = url
        self._size = size
        self._prepared = prepared
        self._seconds = seconds
        self._resting: list[Connection] = []
        self._room = asyncio.Semaphore(size)
        self._busy = 0
        self._open = False

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a connection."""
        return max(0, self._busy - self._size)

    async def open(self, check: Callable[[Connection], Awaitable[None]]) -> None:
        """Raises UnusableDatabase, or what ``check`` raises."""
        try:
            async with asyncio.timeout(self._seconds):
                connection = await self._connect()
                try:
                    await check(connection)
                except BaseException:
                    connection.terminate()
                    raise
        except UnusableDatabase:
            raise
        except (*FAILURES, ValueError) as error:
            reason = str(error) or "no answer in time"
            raise UnusableDatabase(f"The database cannot be used: {reason}.") from error
        self._resting.append(connection)
        self._room = asyncio.Semaphore(self._size)
        self._open = True

    async def close(self) -> None:
        """Refuses new calls, and returns when the running ones are done."""
        self._open = False
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                for _ in range(self._size):
                    await self._room.acquire()
                while self._resting:
                    with suppress(*FAILURES):
                        await self._resting.pop().close()
        self.expire()

    async def run(
        self, job: Callable[[Connection], Awaitable[T]], *, extra_seconds: float = 0
    ) -> T:
        """The job's result. There is no retry: after ``unavailable`` a write may have happened."""
        if not self._open:
            raise unavailable()
        self._busy += 1
        connection: Connection = None
        try:
            async with asyncio.timeout(self._seconds + extra_seconds), self._room:
                connection = self._rested() or await self._connect()
                try:
                    result = await job(connection)
                except asyncpg.PostgresError:
                    self._put_back(connection)
                    raise
                except BaseException:
                    await _end(connection)
                    raise
                self._put_back(connection)
                return result
        except FAILURES as error:
            if not is_outage(error) and not (connection is not None and _is_gone(error)):
                raise
            _log.warning("Postgres is out of reach: %s", type(error).__name__)
            if getattr(error, "sqlstate", None) == READ_ONLY:
                # After a fail-over: the next call connects to the new primary.
                self.expire()
            raise unavailable() from error
        finally:
            self._busy -= 1

    async def _connect(self) -> Connection:
        return await asyncpg.connect(
            self._url,
            timeout=self._seconds,
            statement_cache_size=100 if self._prepared else 0,
            max_cached_statement_lifetime=0,
        )

    def _rested(self) -> Connection:
        while self._resting:
            connection = self._resting.pop()
            if not connection.is_closed():
                return connection
        return None

    def _put_back(self, connection: Connection) -> None:
        if connection.is_in_transaction() or connection.is_closed():
            connection.terminate()
        else:
            self._resting.append(connection)

    def expire(self) -> None:
        """Closes all idle connections."""
        while self._resting:
            self._resting.pop().terminate()


async def _end(connection: Connection) -> None:
    """Closes the connection, and cancels its statement if the driver still can."""
    with suppress(*FAILURES):
        await connection.close(timeout=_CANCEL_SECONDS)
    connection.terminate()


def is_outage(error: Exception) -> bool:
    """Whether the error is an outage, so that trying again later may help."""
    if isinstance(error, OSError | asyncpg.InternalClientError):
        return True
    state = getattr(error, "sqlstate", None) or ""
    return state in _OUTAGES or state[:2] in _OUTAGE_CLASSES


def _is_gone(error: Exception) -> bool:
    """Whether the connection was closed meanwhile, for which the driver raises InterfaceError."""
    return isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError)
