"""Opening, checking and migrating the store that a URL names.

What is of Postgres is imported where the URL is one: its driver would cost SQLite 4 MiB.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from profile_infra.stores.revisions import (
    Migration,
    Schema,
    SchemaMismatch,
    UnusableDatabase,
    check_revision,
    newest,
    pending,
)
from profile_infra.stores.sqlite import schema as sqlite_schema
from profile_infra.stores.sqlite.backup import backup as sqlite_backup
from profile_infra.stores.sqlite.store import SqliteProfiles
from profile_infra.stores.store import Store

__all__ = [
    "SchemaMismatch",
    "await_schema",
    "backup",
    "check_revision",
    "check_schema",
    "look",
    "migrate",
    "newest",
    "script",
    "store_of",
]

_POLL_SECONDS: Final = 0.2


def is_postgres(url: str) -> bool:
    return url.startswith(("postgresql://", "postgres://"))


def check_schema(url: str) -> None:
    """Raises SchemaMismatch, or UnusableDatabase for a store that cannot serve.

    Blocking; must not be called from a running event loop.
    """
    if is_postgres(url):
        from profile_infra.stores.postgres import schema as postgres_schema  # noqa: PLC0415  # see above

        postgres_schema.check_schema(url)
    else:
        sqlite_schema.check_schema(url)


def await_schema(url: str, *, seconds: float, waiting: Callable[[str], object]) -> None:
    """Waits up to ``seconds`` for a ``migrate`` that runs at the same time.

    ``waiting`` is called once, with a sentence that says what is missing, before the first pause.
    Raises what ``check_schema`` raises; immediately if ``migrate`` could not help.
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
            time.sleep(_POLL_SECONDS)
        else:
            return


def migrate(url: str, *, grant_to: str | None = None) -> Schema:
    """Upgrades the store to the newest schema in one transaction; returns what was before.

    Of a newer schema that this release can live on, nothing is changed.

    On Postgres the role ``grant_to`` gets the privileges that serving needs.
    Raises UnusableDatabase, also for a role where there are none, or SchemaMismatch for an unknown
    schema.
    """
    if is_postgres(url):
        from profile_infra.stores.postgres import schema as postgres_schema  # noqa: PLC0415  # see above

        return postgres_schema.migrate(url, grant_to)
    _check_has_roles(grant_to)
    return sqlite_schema.migrate(url)


class Pending(NamedTuple):
    """What ``migrate`` would do: run ``migrations``, and on Postgres install ``functions``."""

    found: Schema
    migrations: list[Migration]
    functions: list[str]


def look(url: str) -> Pending:
    """Raises UnusableDatabase, or SchemaMismatch for a schema that ``migrate`` refuses."""
    functions: list[str] = []
    if is_postgres(url):
        from profile_infra.stores.postgres import schema as postgres_schema  # noqa: PLC0415  # see above

        found, functions = postgres_schema.schema(url)
    else:
        found = sqlite_schema.schema(url)
    return Pending(found, pending(found), functions)


def script(url: str, *, grant_to: str | None = None) -> str:
    """The SQL that ``migrate`` would run; empty if there is nothing to do."""
    if is_postgres(url):
        from profile_infra.stores.postgres import schema as postgres_schema  # noqa: PLC0415  # see above

        return postgres_schema.script(url, grant_to)
    _check_has_roles(grant_to)
    return sqlite_schema.script(url)


def backup(url: str, copy: Path, *, overwrite: bool = False) -> str:
    """Copies a SQLite store into a file, while it serves; returns the revision.

    Raises UnusableDatabase, for Postgres too.
    """
    if is_postgres(url):
        raise UnusableDatabase(
            "This store is Postgres: back it up with pg_dump, as a role that bypasses row security;"
            " docs/operations/backup.md has the commands, and how to restore grants and all."
        )
    return sqlite_backup(url, copy, overwrite=overwrite)


def _check_has_roles(grant_to: str | None) -> None:
    if grant_to is not None:
        raise UnusableDatabase(
            "--grant-to is for Postgres; SQLite has no roles: leave it out, or set"
            " PROFILE_DATABASE_URL to a postgresql:// URL."
        )


def store_of(
    url: str, *, connections: int = 10, prepared: bool = True, history_days: int | None = None
) -> Store:
    """A store that is not open yet. Raises UnusableDatabase for a URL that it cannot parse.

    ``connections`` and ``prepared`` (statements) are for Postgres; without ``history_days`` the
    audit trail is never cut.
    """
    if is_postgres(url):
        from profile_infra.stores.postgres.store import PostgresProfiles  # noqa: PLC0415  # see above

        return PostgresProfiles(
            url, pool_size=connections, prepared=prepared, history_days=history_days
        )
    return SqliteProfiles(url, history_days=history_days)
