"""The schema's revision: bring a store to the newest, refuse to serve any other."""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from profile_infra.sqlite_file import UnusableDatabase, connect, create, path_of, revision_in

_MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK_WAIT = 10.0


class SchemaMismatch(Exception):
    """The store's schema is not the one that this program is made for."""

    def __init__(self, found: str | None) -> None:
        needed = newest()
        if found is None or _is_known(found):
            advice = "Run `profile-service migrate`."
        else:
            advice = (
                "It comes from another version of profile-service: start that version, or"
                " run `profile-service migrate` of one that knows it."
            )
        there = found or "not there yet"
        super().__init__(f"The store's schema is {there}; this program needs {needed}. {advice}")
        self.found = found
        self.needed = needed


def check_revision(found: str | None) -> None:
    """Raises SchemaMismatch."""
    if found != newest():
        raise SchemaMismatch(found)


def check_schema(url: str) -> None:
    """Raises SchemaMismatch, or UnusableDatabase when the file is missing or is none of ours."""
    connection = connect(path_of(url), wait=_LOCK_WAIT, read_only=True)
    try:
        check_revision(revision_in(connection))
    finally:
        connection.close()


@cache
def newest() -> str:
    head = _scripts().get_current_head()
    if head is None:
        raise RuntimeError(f"no migrations in {_MIGRATIONS}")
    return head


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
            if before is not None and not _is_known(before):
                raise SchemaMismatch(before)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise UnusableDatabase(f"{path} cannot be migrated: {error.orig}.") from error
    finally:
        engine.dispose()
    return before


def _begin_immediate(connection: Connection) -> None:
    """The write lock first, then a look at what there is to do."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(driver)
    return driver


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _is_known(revision: str) -> bool:
    return any(script.revision == revision for script in _scripts().walk_revisions())
