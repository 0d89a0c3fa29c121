"""Checking and migrating the schema of a Postgres database.

The SQL functions that load and save in one round trip are in ``functions``, one per file. They
run with the privileges of their caller, and set the tenant for their transaction first, so that
row security costs no round trip and leaves nothing in the session. Every upgrade installs their
current text. A function whose parameters change gets a new name, because the previous release
may still be serving.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import asyncpg

from profile_infra.stores.postgres.failures import FAILURES, explained
from profile_infra.stores.postgres.nodes import Connection, Nodes
from profile_infra.stores.revisions import (
    EMPTY,
    Schema,
    SchemaMismatch,
    UnusableDatabase,
    check_revision,
    is_newer,
    upgrade_script,
)

T = TypeVar("T")

# Serializes concurrent migrations; the key is "profile" in ASCII.
_LOCK = f"SELECT pg_advisory_xact_lock({int.from_bytes(b'profile')});\n"
# A migration that waits for a long query would block all other queries.
_SET_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s';\n"

_TABLES: Final = ("users", "avatars", "profile_changes")
_PRIVILEGES: Final = {
    "users": "SELECT, INSERT, UPDATE, DELETE",
    "avatars": "SELECT, INSERT, UPDATE, DELETE",
    # Of audit entries it can only clear the values, when their user is deleted.
    "profile_changes": "SELECT, INSERT, DELETE, UPDATE (old_values, new_values)",
    "alembic_version": "SELECT",
}
# What requests need of these; a load and a look at the history are tried.
_NEEDED: Final = (
    *(("users", privilege) for privilege in ("SELECT", "UPDATE")),
    *(("avatars", privilege) for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")),
    *(("profile_changes", privilege) for privilege in ("SELECT", "INSERT")),
)
FUNCTIONS: Final = {
    path.stem: path.read_text("utf-8")
    for path in sorted(Path(__file__).with_name("functions").glob("*.sql"))
}
# As JSON, since a schema before 0008 does not have the second column.
_SCHEMA: Final = """
SELECT version_num, to_jsonb(alembic_version)->>'oldest_release' FROM alembic_version
"""
# Everybody may call it, unless an administrator has changed that.
_CONFIRMS: Final = "pg_logical_emit_message"
_INSTALLED: Final = """
SELECT proname::text AS name, prosrc AS body FROM pg_proc
WHERE proname = ANY($1::text[]) AND pg_function_is_visible(oid)
"""

_LACKS: Final = """
SELECT privilege || ' on ' || name AS lacked
  FROM unnest($1::text[], $2::text[]) AS needed(name, privilege)
  WHERE NOT has_table_privilege(name, privilege)
UNION ALL
SELECT 'EXECUTE on ' || proname FROM pg_proc
  WHERE proname = ANY($3::text[]) AND pg_function_is_visible(oid)
    AND NOT has_function_privilege(oid, 'EXECUTE')
"""

_BYPASSES: Final = """
SELECT rolname::text AS role, rolsuper OR rolbypassrls AS bypasses
FROM pg_roles WHERE rolname = coalesce($1, current_user)
"""

_OPEN: Final = """
SELECT relname::text FROM pg_class
WHERE oid = ANY($1::text[]::regclass[]) AND NOT (relrowsecurity AND relforcerowsecurity)
ORDER BY relname
"""


class RowSecurityBypassed(UnusableDatabase):
    """Row security does not apply to the serving role or to a table."""


class NotTheOwner(UnusableDatabase):
    """The role that migrates may not change the schema."""

    def __init__(self) -> None:
        super().__init__(
            "This role may not change the schema: run `profile-service migrate` as the owner of the"
            " database, profile_owner if deploy/roles.sql made it, and name the serving role by"
            " --grant-to."
        )


class RightsMissing(UnusableDatabase):
    """The serving role may not do all that requests need."""


class FunctionsMissing(UnusableDatabase):
    """Functions of this program are missing in the database, or differ."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"The database lacks {', '.join(names)} as this program has it: run"
            " `profile-service migrate`."
        )


async def check_database(connection: Connection) -> None:
    """Raises SchemaMismatch, FunctionsMissing, RightsMissing or RowSecurityBypassed."""
    # First: a role that may only look across tenants must not be told to ask for more rights.
    await _check_role(connection)
    found = await schema_in(connection)
    check_revision(found)
    if stale := await _stale_functions(connection, of_newer_release=is_newer(found)):
        raise FunctionsMissing(stale)
    await check_rights(connection)
    await check_row_security(connection)


async def check_rights(connection: Connection) -> None:
    """Raises RightsMissing."""
    names, privileges = zip(*_NEEDED, strict=True)
    functions = [*FUNCTIONS, _CONFIRMS]
    rows = await connection.fetch(_LACKS, names, privileges, functions)
    if rows:
        role = await connection.fetchval("SELECT current_user")
        raise RightsMissing(
            f"The role {role} lacks {', '.join(row['lacked'] for row in rows)}: run"
            f" `profile-service migrate --grant-to {role}` as the owner of the tables."
        )


async def row_security(connection: Connection) -> tuple[str, bool]:
    """The role, and whether it bypasses row security."""
    row = await connection.fetchrow(_BYPASSES, None)
    return row["role"], row["bypasses"]


async def check_row_security(connection: Connection) -> None:
    """Raises RowSecurityBypassed."""
    await _check_role(connection)
    if unforced := [row["relname"] for row in await connection.fetch(_OPEN, _TABLES)]:
        raise RowSecurityBypassed(
            f"Row security is not forced on {', '.join(unforced)}: run"
            " ALTER TABLE … ENABLE ROW LEVEL SECURITY and FORCE ROW LEVEL SECURITY."
        )


async def _check_role(connection: Connection) -> None:
    role, bypasses = await row_security(connection)
    if bypasses:
        raise RowSecurityBypassed(
            f"The role {role} bypasses row security, so it can use `users find` and `tenants list`"
            " only: for all else, `serve` too, take a role that is neither SUPERUSER nor BYPASSRLS;"
            " docs/operations/deploy.md has the SQL to make one."
        )


async def schema_in(connection: Connection) -> Schema:
    """What the database says of its schema."""
    if await connection.fetchval("SELECT to_regclass('alembic_version') IS NULL"):
        return EMPTY
    try:
        found = await connection.fetchrow(_SCHEMA)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RightsMissing(
            "The role lacks SELECT on alembic_version: run `profile-service migrate --grant-to`"
            " with its name as the owner of the tables."
        ) from error
    return Schema(*found) if found else EMPTY


def check_schema(url: str) -> None:
    """Raises SchemaMismatch, or UnusableDatabase for a database or role that cannot serve."""
    asyncio.run(connected(url, check_database))


def script(url: str, grant_to: str | None) -> str:
    """The SQL that ``migrate`` would run; empty if there is nothing to do."""

    async def written(connection: Connection) -> str:
        return await _script(connection, await schema_in(connection), grant_to)

    changes = _as_owner(url, written)
    return f"BEGIN;\n{_LOCK}{changes}COMMIT;\n" if changes else ""


def schema(url: str) -> tuple[Schema, list[str]]:
    """What the database says of its schema, and the names of functions that ``migrate`` installs.

    Raises UnusableDatabase.
    """

    async def look(connection: Connection) -> tuple[Schema, list[str]]:
        found = await schema_in(connection)
        stale = await _stale_functions(connection, of_newer_release=is_newer(found))
        return found, stale

    return _as_owner(url, look)


def migrate(url: str, grant_to: str | None) -> Schema:
    """Runs the SQL of ``script``; returns what was before.

    Of several concurrent migrations one runs, and the others wait for it.
    """

    async def migrated(connection: Connection) -> Schema:
        async with connection.transaction():
            await connection.execute(_LOCK)
            before = await schema_in(connection)
            if changes := await _script(connection, before, grant_to):
                await connection.execute(changes)
        return before

    return _as_owner(url, migrated)


def _as_owner(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Raises NotTheOwner if the role lacks a right, and UnusableDatabase."""
    try:
        return asyncio.run(connected(url, work))
    except UnusableDatabase as error:
        if isinstance(error.__cause__, asyncpg.InsufficientPrivilegeError):
            raise NotTheOwner from error
        raise


async def _script(connection: Connection, found: Schema, grant_to: str | None) -> str:
    changes = upgrade_script(found, "postgresql")
    stale = await _stale_functions(connection, of_newer_release=is_newer(found))
    changes += "".join(f"{FUNCTIONS[name]}\n" for name in stale)
    if grant_to:
        await _check_may_serve(connection, grant_to)
    granted = _grants(grant_to) if grant_to else ""
    return f"{_SET_LOCK_TIMEOUT}\n{changes}{granted}" if changes or granted else ""


async def _stale_functions(connection: Connection, *, of_newer_release: bool) -> list[str]:
    """The names of functions that are missing, overloaded, or differ.

    A newer release may have changed a text, but what a call gives and takes is as before.
    """
    rows = await connection.fetch(_INSTALLED, list(FUNCTIONS))
    installed = [(row["name"], row["body"]) for row in rows]
    if of_newer_release:
        return sorted(set(FUNCTIONS) - {name for name, _ in installed})
    return [
        name
        for name, text in FUNCTIONS.items()
        if [body for known, body in installed if known == name] != [text.split("$$")[1]]
    ]


async def _check_may_serve(connection: Connection, role: str) -> None:
    """Raises RowSecurityBypassed. Of a role that does not exist, Postgres says so itself."""
    found = await connection.fetchrow(_BYPASSES, role)
    if found is not None and found["bypasses"]:
        raise RowSecurityBypassed(
            f"The role {role} gets no rights, because it bypasses row security and may not serve:"
            " name one by --grant-to that is neither SUPERUSER nor BYPASSRLS;"
            " docs/operations/deploy.md has the SQL to make one."
        )


def _grants(role: str) -> str:
    """Exactly the privileges that serving needs."""
    name = '"' + role.replace('"', '""') + '"'
    lines = [
        f"GRANT {privileges} ON {table} TO {name};\n" for table, privileges in _PRIVILEGES.items()
    ]
    lines += [f"GRANT EXECUTE ON FUNCTION {function} TO {name};\n" for function in FUNCTIONS]
    return "".join(lines)


async def connected(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Raises UnusableDatabase for any error of the connection or the server."""
    try:
        # No statement cache: nothing is repeated, and an old PgBouncer cannot handle it.
        nodes = Nodes(url, prepared=False)
        try:
            return await work(await nodes.connect())
        finally:
            nodes.leave()
    except (UnusableDatabase, SchemaMismatch):
        raise
    except (*FAILURES, ValueError) as error:
        raise UnusableDatabase(explained(error)) from error
