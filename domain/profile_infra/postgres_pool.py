"""The way to Postgres: a few connections, bounded waits, and which errors mean an outage."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import asyncpg

from profile_domain.errors import unavailable
from profile_infra.revisions import UnusableDatabase

T = TypeVar("T")
# asyncpg does not declare its types (PEP 561).
Connection = Any

# Seconds. An update makes two calls, and must be answered within ten.
CALL_SECONDS: Final = 3.5
_CANCEL_SECONDS: Final = 0.5
_CLOSE_SECONDS: Final = 5.0

READ_ONLY: Final = "25006"
# SQLSTATE classes that say "not now" or "not here": connection, resources, operator, system.
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
    """Works between ``open`` and ``close``, in one event loop; is ``unavailable`` otherwise.

    ``seconds`` is how long a call may take, with the wait for a connection. Nothing of a session
    is relied on, so PgBouncer may share it in transaction mode. ``prepared=False`` is for one that
    knows no prepared statements: each call then takes two round trips.
    """

    def __init__(self, url: str, *, size: int, prepared: bool, seconds: float) -> None:
        self._url = url
        self._size = size
        self._prepared = prepared
        self._seconds = seconds
        self._pool: Any = None
        self._busy = 0
        self._idle = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many calls have no connection yet."""
        return max(0, self._busy - self._size)

    async def open(self, check: Callable[[Connection], Awaitable[None]]) -> None:
        """Raises UnusableDatabase, or what ``check`` raises."""
        try:
            pool = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._size,
                timeout=self._seconds,
                reset=_leave_as_it_is,
                statement_cache_size=100 if self._prepared else 0,
                max_cached_statement_lifetime=0,
            )
            try:
                async with asyncio.timeout(self._seconds), pool.acquire() as connection:
                    await check(connection)
            except BaseException:
                pool.terminate()
                raise
        except UnusableDatabase:
            raise
        except (*FAILURES, ValueError) as error:
            reason = str(error) or "no answer in time"
            raise UnusableDatabase(f"The database cannot be used: {reason}.") from error
        self._pool = pool

    async def close(self) -> None:
        """Takes no more calls, and returns when those under way are done."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                while self._busy:
                    self._idle.clear()
                    await self._idle.wait()
                await pool.close()
        pool.terminate()

    async def run(
        self, job: Callable[[Connection], Awaitable[T]], *, extra_seconds: float = 0
    ) -> T:
        """What the job returns.

        It is tried once: after ``unavailable`` a write may or may not have happened.
        """
        pool = self._pool
        if pool is None:
            raise unavailable()
        self._busy += 1
        connection: Connection = None
        try:
            async with asyncio.timeout(self._seconds + extra_seconds):
                connection = await pool.acquire()
                try:
                    return await job(connection)
                except asyncpg.InternalClientError:
                    # The driver lost its place: the server is going down as we speak.
                    connection.terminate()
                    raise
                finally:
                    await pool.release(connection, timeout=_CANCEL_SECONDS)
        except FAILURES as error:
            if not is_outage(error) and not (connection is not None and _is_gone(error)):
                raise
            _log.warning("Postgres is out of reach: %s", type(error).__name__)
            if getattr(error, "sqlstate", None) == READ_ONLY:
                # After a fail-over: the next call finds its way to the new primary.
                await pool.expire_connections()
            raise unavailable() from error
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()


def is_outage(error: Exception) -> bool:
    """Whether trying again later can help."""
    if isinstance(error, OSError | asyncpg.InternalClientError):
        return True
    state = getattr(error, "sqlstate", None) or ""
    return state in _OUTAGES or state[:2] in _OUTAGE_CLASSES


def _is_gone(error: Exception) -> bool:
    """The driver says by InterfaceError, too, that a connection was closed under it."""
    return isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError)


async def _leave_as_it_is(_: Connection) -> None:
    """Calls leave nothing behind in a session, so no round trip is spent on resetting it."""
