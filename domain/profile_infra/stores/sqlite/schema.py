"""Checking and migrating the schema of a SQLite file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from profile_infra.stores.revisions import (
    EMPTY,
    Schema,
    UnusableDatabase,
    check_revision,
    upgrade,
    upgrade_script,
)
from profile_infra.stores.sqlite.file import connect, create, path_of, schema_in

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK_WAIT = 10.0


def check_schema(url: str) -> None:
    """Raises SchemaMismatch, or UnusableDatabase if the file is not a database."""
    check_revision(schema(url))


def script(url: str) -> str:
    """The SQL that ``migrate`` would run. Raises what it raises."""
    changes = upgrade_script(schema(url), "sqlite")
    return f"BEGIN IMMEDIATE;\n\n{changes}COMMIT;\n" if changes else ""


def migrate(url: str) -> Schema:
    """Upgrades the store to the newest schema in one transaction; returns what was before.

    Creates a missing file with mode 0600. Safe to run in several processes at once.
    Raises UnusableDatabase, or SchemaMismatch for an unknown schema.
    """
    from sqlalchemy import NullPool, create_engine, event  # noqa: PLC0415  # as Alembic, see revisions
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  # as above

    path = path_of(url)
    create(path)
    engine = create_engine(
        "sqlite://", creator=lambda: connect(path, wait=_LOCK_WAIT), poolclass=NullPool
    )
    event.listen(engine, "begin", _begin_immediate)
    try:
        with engine.begin() as connection:
            before = schema_in(_driver(connection))
            upgrade(connection, before)
    except DBAPIError as error:
        raise UnusableDatabase(f"{path} cannot be migrated: {error.orig}.") from error
    finally:
        engine.dispose()
    return before


def schema(url: str) -> Schema:
    """What the file says of its schema; EMPTY if there is no file. Raises UnusableDatabase."""
    path = path_of(url)
    if not path.exists():
        return EMPTY
    connection = connect(path, wait=_LOCK_WAIT, read_only=True)
    try:
        return schema_in(connection)
    finally:
        connection.close()


def _begin_immediate(connection: Connection) -> None:
    """Takes the write lock before the revision is read."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(driver)
    return driver
