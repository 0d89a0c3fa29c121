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

_UNUSABLE: Final = (*FAILURES, ValueError)

_log = logging.getLogger(__name__)


class PostgresPool:
    """asyncpg's pool with time limits and errors of the domain, for one event loop.

    Usable between ``open`` and ``close``; ``unavailable`` otherwise. ``seconds`` limits a call,
    including the wait for a connection. No session state is used, so PgBouncer may run in
    transaction mode. ``prepared=False`` is for a PgBouncer without prepared statements: each call
    then takes two round trips.
    """

    def __init__(self, url: str, *, size: int, prepared: bool, seconds: float) -> None:
        self._url = url
        self._size = size
        self._prepared = prepared
        self._seconds = seconds
        self._pool: Any = None
        self._busy = 0

    @property
    def waiting(self) -> int:
        """The number of calls that wait for a connection."""
        return max(0, self._busy - self._size)

    async def open(self, check: Callable[[Connection], Awaitable[None]]) -> None:
        """Raises UnusableDatabase, or what ``check`` raises."""
        pool = None
        try:
            async with asyncio.timeout(self._seconds):
                pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._size,
                    reset=_reset,
                    timeout=self._seconds,
                    statement_cache_size=100 if self._prepared else 0,
                    max_cached_statement_lifetime=0,
                )
                async with pool.acquire() as connection:
                    await check(connection)
        except BaseException as error:
            if pool is not None:
                pool.terminate()
            if isinstance(error, UnusableDatabase) or not isinstance(error, _UNUSABLE):
                raise
            reason = str(error) or "no answer in time"
            raise UnusableDatabase(f"The database cannot be used: {reason}.") from error
        self._pool = pool

    async def close(self) -> None:
        """Refuses new calls, and returns when the running ones are done."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with suppress(*FAILURES):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await pool.close()

    async def run(
        self, job: Callable[[Connection], Awaitable[T]], *, extra_seconds: float = 0
    ) -> T:
        """The job's result. There is no retry: after ``unavailable`` a write may have happened."""
        pool = self._pool
        if pool is None:
            raise unavailable()
        self._busy += 1
        try:
            async with asyncio.timeout(self._seconds + extra_seconds):
                connection = await pool.acquire()
                try:
                    return await job(connection)
                finally:
                    await pool.release(connection, timeout=_CANCEL_SECONDS)
        except FAILURES as error:
            if not is_outage(error) and not _is_gone(error):
                raise
            _log.warning("Postgres is out of reach: %s", type(error).__name__)
            if getattr(error, "sqlstate", None) == READ_ONLY:
                # After a fail-over: the next call connects to the new primary.
                await pool.expire_connections()
            raise unavailable() from error
        finally:
            self._busy -= 1


async def _reset(_: Connection) -> None:
    """Nothing: no session state is used, and asyncpg's own reset costs a round trip."""


def is_outage(error: Exception) -> bool:
    """Whether the error is an outage, so that trying again later may help."""
    if isinstance(error, OSError | asyncpg.InternalClientError):
        return True
    state = getattr(error, "sqlstate", None) or ""
    return state in _OUTAGES or state[:2] in _OUTAGE_CLASSES


def _is_gone(error: Exception) -> bool:
    """Whether the connection was closed meanwhile, for which the driver raises InterfaceError."""
    return isinstance(error, asyncpg.InterfaceError) and not isinstance(error, ValueError)
