"""A consistent copy of a SQLite store, while it serves."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

from profile_infra.stores.revisions import UnusableDatabase
from profile_infra.stores.sqlite.file import connect, create, path_of, schema_in

_LOCK_WAIT = 10.0


def backup(url: str, copy: Path, *, overwrite: bool) -> str:
    """Writes the store as it is at one moment into one file of mode 0600; returns its revision.

    ``VACUUM INTO`` (SQLite 3.27) reads in one transaction, which holds up no writer, and leaves out
    freed pages, in which deleted data remains. The copy is written beside its place, checked and
    synced, and then put there whole. An existing file is replaced only with ``overwrite``.
    Raises UnusableDatabase.
    """
    path = path_of(url)
    if not overwrite and copy.exists():
        raise UnusableDatabase(f"{copy} exists: give another name, or say --overwrite.")
    if copy.exists() and not copy.is_file():
        raise UnusableDatabase(f"{copy} is not a file.")
    own = [path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal"))]
    # Path.resolve() would raise for links in a circle.
    if os.path.realpath(copy) in {os.path.realpath(each) for each in own} or any(
        copy.exists() and each.exists() and copy.samefile(each) for each in own
    ):
        raise UnusableDatabase(f"{copy} is the store itself, or belongs to it.")
    # connect() leaves a missing store missing, and says what to do.
    with closing(connect(path, wait=_LOCK_WAIT)) as connection:
        revision = schema_in(connection).revision
        if revision is None:
            raise UnusableDatabase(f"{path} holds no store: run `profile-service migrate`.")
        partial = copy.with_name(f".{copy.name}.{uuid4().hex}")
        create(partial)
        try:
            # As bytes: a name need not be UTF-8.
            connection.execute("VACUUM INTO CAST(? AS TEXT)", (os.fsencode(partial),))
            _check(partial)
            _put(partial, copy, overwrite=overwrite)
        except sqlite3.Error as error:
            raise UnusableDatabase(f"{copy} cannot be written: {error}.") from error
        except OSError as error:
            raise UnusableDatabase(f"{copy} cannot be written: {error.strerror}.") from error
        finally:
            with suppress(FileNotFoundError):
                partial.unlink()
    return revision


def _check(copy: Path) -> None:
    """Raises UnusableDatabase if the copy is damaged."""
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute("PRAGMA quick_check").fetchall()
    if found != [("ok",)]:
        raise UnusableDatabase(f"The store is damaged: {found[0][0]}.")


def _put(partial: Path, copy: Path, *, overwrite: bool) -> None:
    """Survives a loss of power, and never replaces a file that appeared meanwhile."""
    _sync(partial)
    if overwrite:
        partial.replace(copy)
    else:
        os.link(partial, copy)
    _sync(copy.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
