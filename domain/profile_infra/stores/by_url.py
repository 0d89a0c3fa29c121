"""The store that a URL names, and its schema: bring it to the newest, refuse any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from profile_infra.stores.postgres import schema as postgres_schema
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.revisions import SchemaMismatch, check_revision, newest
from profile_infra.stores.sqlite import schema as sqlite_schema
from profile_infra.stores.sqlite.store import SqliteProfiles
from profile_infra.stores.store import Store

__all__ = [
    "SchemaMismatch",
    "await_schema",
    "check_revision",
    "check_schema",
    "migrate",
    "newest",
    "script",
    "store_of",
]

_LOOK_AGAIN: Final = 0.2


def is_postgres(url: str) -> bool:
    return url.startswith(("postgresql://", "postgres://"))


def check_schema(url: str) -> None:
    """Raises SchemaMismatch, or UnusableDatabase for a store that cannot serve.

    Like the others here it runs an event loop of its own where the driver needs one.
    """
    if is_postgres(url):
        postgres_schema.check_schema(url)
    else:
        sqlite_schema.check_schema(url)


def await_schema(url: str, *, seconds: float, waiting: Callable[[str], object]) -> None:
    """Gives a ``migrate`` that was started at the same moment some time to finish.

    ``waiting`` is called once, with a sentence on what is missing, before the first pause.
    Raises what ``check_schema`` raises; at once for a schema that ``migrate`` would not change.
    """
    deadline = time.monotonic() + seconds
    announced = False
    while True:
        try:
            check_schema(url)
        except SchemaMismatch as error:
            if not error.upgradable or time.monotonic() > deadline:
                raise
            if not announced:
                waiting(str(error))
                announced = True
            time.sleep(_LOOK_AGAIN)
        else:
            return


def migrate(url: str, *, grant_to: str | None = None) -> str | None:
    """Brings the store to the newest schema, all or nothing, and gives the revision that it had.

    On Postgres ``grant_to`` names the role that serves, which gets the rights it needs.
    Raises UnusableDatabase, or SchemaMismatch for a schema that is not an older one of ours.
    """
    if is_postgres(url):
        return postgres_schema.migrate(url, grant_to)
    return sqlite_schema.migrate(url)


def script(url: str, *, grant_to: str | None = None) -> str:
    """What ``migrate`` would do, as SQL; empty when there is nothing to do."""
    if is_postgres(url):
        return postgres_schema.script(url, grant_to)
    return sqlite_schema.script(url)


def store_of(
    url: str, *, connections: int = 10, prepared: bool = True, history_days: int | None = None
) -> Store:
    """Looks at nothing but the URL. Raises UnusableDatabase.

    ``connections`` and ``prepared`` are for Postgres; without ``history_days`` the audit trail is
    kept for ever.
    """
    if is_postgres(url):
        return PostgresProfiles(
            url, pool_size=connections, prepared=prepared, history_days=history_days
        )
    return SqliteProfiles(url, history_days=history_days)
