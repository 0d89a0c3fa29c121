"""The schema of a SQLite file: checked, brought to the newest, or told as SQL."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from profile_infra.stores.revisions import (
    UnusableDatabase,
    check_revision,
    check_upgradable,
    upgrade,
    upgrade_script,
)
from profile_infra.stores.sqlite.file import connect, create, path_of, revision_in

_LOCK_WAIT = 10.0


def check_schema(url: str) -> None:
    """Raises SchemaMismatch, or UnusableDatabase when the file is not a database."""
    check_revision(_revision(url))


def script(url: str) -> str:
    """What ``migrate`` would do, as SQL. Raises what it raises."""
    changes = upgrade_script(_revision(url), "sqlite")
    return f"BEGIN IMMEDIATE;\n\n{changes}COMMIT;\n" if changes else ""


def migrate(url: str) -> str | None:
    """Brings the store to the newest schema, all or nothing, and gives the revision that it had.

    A missing file is made, for its owner's eyes only (0600). Two that migrate at once do it once.
    Raises UnusableDatabase, or SchemaMismatch for a schema that is not an older one of ours.
    """
    path = path_of(url)
    create(path)
    engine = create_engine(
        "sqlite://", creator=lambda: connect(path, wait=_LOCK_WAIT), poolclass=NullPool
    )
    event.listen(engine, "begin", _begin_immediate)
    try:
        with engine.begin() as connection:
            before = revision_in(_driver(connection))
            check_upgradable(before)
            upgrade(connection)
    except DBAPIError as error:
        raise UnusableDatabase(f"{path} cannot be migrated: {error.orig}.") from error
    finally:
        engine.dispose()
    return before


def _revision(url: str) -> str | None:
    """None where there is no schema yet, or no file."""
    path = path_of(url)
    if not path.exists():
        return None
    connection = connect(path, wait=_LOCK_WAIT, read_only=True)
    try:
        return revision_in(connection)
    finally:
        connection.close()


def _begin_immediate(connection: Connection) -> None:
    """The write lock first, then a look at what there is to do."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(driver)
    return driver
