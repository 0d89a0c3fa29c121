"""The schema of a Postgres database: checked, brought to the newest, or told as SQL.

The functions that load and save in one trip stand in ``functions``, a file each. They
run with their caller's rights, and each sets the tenant for its transaction before it works, so
that row security costs no round trip of its own and leaves nothing in the session. Whatever
upgrades a database installs their text as it is now; a function with other parameters gets
another name, since the release before may still be serving.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import asyncpg

from profile_infra.stores.postgres.pool import FAILURES, Connection
from profile_infra.stores.revisions import (
    SchemaMismatch,
    UnusableDatabase,
    check_revision,
    upgrade_script,
)
from profile_infra.stores.tables import AVATARS, CHANGES, USERS

T = TypeVar("T")

_CONNECT_SECONDS = 5.0
# Those that migrate at once wait for one another by this key: "profile" in ASCII.
_LOCK = f"SELECT pg_advisory_xact_lock({int.from_bytes(b'profile')});\n"
# Better to give up than to have everybody queue behind a migration that waits for a long query.
_PATIENCE = "SET LOCAL lock_timeout = '5s';\n"

_RIGHTS: Final = {
    USERS.name: "SELECT, INSERT, UPDATE, DELETE",
    AVATARS.name: "SELECT, INSERT, UPDATE, DELETE",
    # It can empty the values of audit entries, when their user is deleted, and rewrite nothing
    # else.
    CHANGES.name: "SELECT, INSERT, DELETE, UPDATE (old_values, new_values)",
    "alembic_version": "SELECT",
}
FUNCTIONS: Final = {
    path.stem: path.read_text("utf-8")
    for path in sorted(Path(__file__).with_name("functions").glob("*.sql"))
}
_INSTALLED: Final = """
SELECT proname::text AS name, prosrc AS body FROM pg_proc
WHERE proname = ANY($1::text[]) AND pg_function_is_visible(oid)
"""

_BYPASSES: Final = """
SELECT current_user AS role, rolsuper OR rolbypassrls AS bypasses,
  ARRAY(
    SELECT relname::text FROM pg_class
    WHERE oid = ANY($1::text[]::regclass[]) AND NOT (relrowsecurity AND relforcerowsecurity)
    ORDER BY relname
  ) AS open
FROM pg_roles WHERE rolname = current_user
"""


class RowSecurityBypassed(UnusableDatabase):
    """Row security would not hold what serves to one tenant at a time."""


class FunctionsMissing(UnusableDatabase):
    """Functions of this program are not in the database, or with another text."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"The database lacks {', '.join(names)} as this program has it: run"
            " `profile-service migrate`."
        )


async def check_database(connection: Connection) -> None:
    """Raises SchemaMismatch, FunctionsMissing or RowSecurityBypassed."""
    check_revision(await revision_in(connection))
    if stale := await _stale_functions(connection):
        raise FunctionsMissing(stale)
    await check_row_security(connection)


async def check_row_security(connection: Connection) -> None:
    """Raises RowSecurityBypassed."""
    tables = [table.name for table in (USERS, AVATARS, CHANGES)]
    row = await connection.fetchrow(_BYPASSES, tables)
    if row["bypasses"]:
        raise RowSecurityBypassed(
            f"The role {row['role']} bypasses row security: serve as a role that is neither"
            " SUPERUSER nor BYPASSRLS; docs/operations.md has the SQL to make one."
        )
    if row["open"]:
        raise RowSecurityBypassed(
            f"Row security is not forced on {', '.join(row['open'])}: run"
            " ALTER TABLE … ENABLE ROW LEVEL SECURITY and FORCE ROW LEVEL SECURITY."
        )


async def revision_in(connection: Connection) -> str | None:
    """The schema's revision; None where there is no schema yet."""
    if await connection.fetchval("SELECT to_regclass('alembic_version') IS NULL"):
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


def check_schema(url: str) -> None:
    """Raises SchemaMismatch, or UnusableDatabase for a database or role that cannot serve."""
    asyncio.run(_connected(url, check_database))


def script(url: str, grant_to: str | None) -> str:
    """What ``migrate`` would do, as SQL; empty when there is nothing to do."""

    async def written(connection: Connection) -> str:
        return await _script(connection, await revision_in(connection), grant_to)

    changes = asyncio.run(_connected(url, written))
    return f"BEGIN;\n{_LOCK}{changes}COMMIT;\n" if changes else ""


def migrate(url: str, grant_to: str | None) -> str | None:
    """Runs the very script that ``script`` gives, and gives the revision that there was before.

    Of several that migrate at once, one does it and the others wait for that.
    """

    async def migrated(connection: Connection) -> str | None:
        async with connection.transaction():
            await connection.execute(_LOCK)
            before = await revision_in(connection)
            if changes := await _script(connection, before, grant_to):
                await connection.execute(changes)
        return before

    return asyncio.run(_connected(url, migrated))


async def _script(connection: Connection, found: str | None, grant_to: str | None) -> str:
    changes = upgrade_script(found, "postgresql")
    changes += "".join(f"{FUNCTIONS[name]}\n" for name in await _stale_functions(connection))
    granted = _grants(grant_to) if grant_to else ""
    return f"{_PATIENCE}\n{changes}{granted}" if changes or granted else ""


async def _stale_functions(connection: Connection) -> list[str]:
    """Those that are not there, or not once, or with another text."""
    rows = await connection.fetch(_INSTALLED, list(FUNCTIONS))
    installed = [(row["name"], row["body"]) for row in rows]
    return [
        name
        for name, text in FUNCTIONS.items()
        if [body for known, body in installed if known == name] != [text.split("$$")[1]]
    ]


def _grants(role: str) -> str:
    """Exactly the rights that serving needs."""
    name = '"' + role.replace('"', '""') + '"'
    lines = [f"GRANT {rights} ON {table} TO {name};\n" for table, rights in _RIGHTS.items()]
    lines += [f"GRANT EXECUTE ON FUNCTION {function} TO {name};\n" for function in FUNCTIONS]
    return "".join(lines)


async def _connected(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Raises UnusableDatabase for whatever the server or the way to it says against it."""
    try:
        # No cache: there is nothing to repeat, and it would not do behind an old PgBouncer.
        connection = await asyncpg.connect(url, timeout=_CONNECT_SECONDS, statement_cache_size=0)
        try:
            return await work(connection)
        finally:
            await connection.close(timeout=_CONNECT_SECONDS)
    except (UnusableDatabase, SchemaMismatch):
        raise
    except (*FAILURES, ValueError) as error:
        reason = str(error) or "no answer in time"
        raise UnusableDatabase(f"The database cannot be used: {reason}.") from error
