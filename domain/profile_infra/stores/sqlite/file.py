"""The SQLite file: parsing its URL, opening it, classifying its errors."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from profile_domain.errors import DomainError, unavailable
from profile_infra.stores.revisions import EMPTY, Schema, UnusableDatabase

_PREFIX = "sqlite:///"
# Seconds to wait for processes that open, convert or recover the file at the same time.
_OPEN_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.01
# Result codes of an outage; all others are defects.
_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)


def path_of(url: str) -> Path:
    """The absolute path of ``sqlite:///./relative.db`` or ``sqlite:////absolute.db``.

    Raises UnusableDatabase, also if something else than a file is there: opening a pipe would wait.
    """
    name = url.removeprefix(_PREFIX)
    if not url.startswith(_PREFIX) or not name or name.startswith((":memory:", "file:")):
        raise UnusableDatabase(
            "The database must be a file, such as sqlite:///./profile.db or"
            " sqlite:////var/lib/profile/profile.db."
        )
    if "?" in name or "\0" in name:
        raise UnusableDatabase("A sqlite URL takes no options and no NUL.")
    path = Path(name).absolute()
    try:
        is_other = path.exists() and not path.is_file()
    except OSError as error:
        raise UnusableDatabase(f"{path} cannot be opened: {error.strerror}.") from error
    if is_other:
        raise UnusableDatabase(f"{path} cannot be opened: it is not a file.")
    return path


def create(path: Path) -> None:
    """Creates an empty file with mode 0600, unless the file exists."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise UnusableDatabase(f"{path} cannot be made: {error.strerror}.") from error


def connect(path: Path, *, wait: float, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any one thread at a time.

    Statements wait ``wait`` seconds for another process's lock; opening waits up to ten seconds.
    Commits are synced to disk. Raises UnusableDatabase.
    """
    deadline = time.monotonic() + _OPEN_SECONDS
    while True:
        try:
            connection, mode = _open(path, read_only=read_only)
            break
        except sqlite3.Error as error:
            # SQLite ignores busy_timeout while a file is converted to WAL.
            if is_busy(error) and time.monotonic() < deadline:
                time.sleep(_RETRY_SECONDS)
                continue
            missing = error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN
            advice = " `profile-service migrate` makes a new one." if missing else ""
            raise UnusableDatabase(f"{path} cannot be opened: {error}.{advice}") from error
    if mode != "wal":
        connection.close()
        raise UnusableDatabase(f"{path} lies where SQLite cannot keep a write-ahead log.")
    set_wait(connection, wait)
    return connection


def set_wait(connection: sqlite3.Connection, wait: float) -> None:
    """Sets how long statements wait for another process's lock, in seconds."""
    connection.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")


def _open(path: Path, *, read_only: bool) -> tuple[sqlite3.Connection, str]:
    """The connection, and the file's journal mode."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=_OPEN_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync stops at the drive's cache
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    except BaseException:
        connection.close()
        raise
    return connection, mode


def schema_in(connection: sqlite3.Connection) -> Schema:
    """What the file says of its schema."""
    named = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
    if not connection.execute(named).fetchall():
        return EMPTY
    # Whatever columns it has: those before 0008 lack oldest_release.
    found = connection.execute("SELECT * FROM alembic_version")
    names = [column for column, *_ in found.description]
    for row in found.fetchall():
        said = dict(zip(names, row, strict=True))
        return Schema(said["version_num"], said.get("oldest_release"))
    return EMPTY


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds the lock."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def is_outage(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _OUTAGES


def translated(error: sqlite3.Error) -> sqlite3.Error | DomainError:
    """``unavailable`` for an outage, else the error itself."""
    return unavailable() if is_outage(error) else error
