"""Writing a change to SQLite: the user's row, the picture if it differs, the audit entry."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from profile_domain.pictures.avatar import Avatar
from profile_infra.stores import statements as sql
from profile_infra.stores.changes import (
    Author,
    Differences,
    as_json,
    deletion_entry,
    update_entry,
    user_differences,
)
from profile_infra.stores.records import Conflict, User, columns_of
from profile_infra.stores.statements import Driver, Statement


def _as_text(time: datetime) -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _as_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _as_hex(id_: UUID) -> str:
    return id_.hex


# SQLite has no ids, times, JSON or truth values: the first two are kept as text that sorts alike.
_IDS: Final = ("tenant_id", "id", "user_id", "of_tenant", "of_user")
_TIMES: Final = ("at", "created_at", "updated_at", "since", "until")
_JSON: Final = ("fields", "old_values", "new_values")
DRIVER: Final = Driver(
    numbered=False,
    bind=dict.fromkeys(_IDS, _as_hex)
    | dict.fromkeys(_TIMES, _as_text)
    | dict.fromkeys(_JSON, as_json),
    read=dict.fromkeys(_IDS, UUID)
    | dict.fromkeys(_TIMES, _as_time)
    | dict.fromkeys(_JSON, json.loads)
    | {"active": bool},
)

_ADD_USER = Statement(sql.ADD_USER, DRIVER)
_ADD_CHANGE = Statement(sql.ADD_CHANGE, DRIVER)
_ADD_AVATAR = Statement(sql.ADD_AVATAR, DRIVER)
_REPLACE_AVATAR = Statement(sql.REPLACE_AVATAR, DRIVER)
_FORGET_VALUES = Statement(sql.FORGET_VALUES, DRIVER)
_DELETE_USER = Statement(sql.DELETE_USER, DRIVER)
_DROP_AVATAR = Statement(sql.DROP_AVATAR, DRIVER)
_TAKEN = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


def save_users(
    connection: sqlite3.Connection,
    author: Author,
    inserts: Sequence[User],
    updates: Sequence[tuple[User, User]],
) -> None:
    """Raises Conflict for the first user that exists already or is at another version."""
    user = None
    try:
        for user in inserts:
            _add(connection, user)
        for before, user in updates:
            change = user_differences(before, user)
            if change and not replace(connection, author, change):
                raise Conflict(user)
    except sqlite3.IntegrityError as error:
        if user is None or error.sqlite_errorcode not in _TAKEN:
            raise
        raise Conflict(user) from error


def _add(connection: sqlite3.Connection, user: User) -> None:
    profile, now = user.profile, datetime.now(UTC)
    key = {"of_tenant": profile.tenant_id, "of_user": profile.id}
    row = {"tenant_id": profile.tenant_id, "id": profile.id, "created_at": now, "updated_at": now}
    _execute(connection, _ADD_USER, key | row | columns_of(user))
    _store_picture(connection, profile.tenant_id, profile.id, None, profile.avatar)


def replace(connection: sqlite3.Connection, author: Author, change: Differences) -> bool:
    """Writes the next version; False if the user is at another version than the change expects."""
    columns, now = change.columns, datetime.now(UTC)
    statement = _replace_user(tuple(columns))
    key = {"of_tenant": change.tenant_id, "of_user": change.user_id, "old_version": change.version}
    row = {"version": change.version + 1, "updated_at": now}
    if not _execute(connection, statement, key | columns | row):
        return False
    if change.of_picture:
        _store_picture(
            connection, change.tenant_id, change.user_id, change.old_avatar, change.avatar
        )
    _execute(connection, _ADD_CHANGE, update_entry(author, change) | {"at": now})
    return True


@lru_cache(128)
def _replace_user(columns: tuple[str, ...]) -> Statement:
    return Statement(sql.replace_user(columns), DRIVER)


def remove(connection: sqlite3.Connection, author: Author, user: User) -> int:
    """The number of audit entries whose values were cleared. Raises Conflict."""
    profile = user.profile
    key = {"of_tenant": profile.tenant_id, "of_user": profile.id, "old_version": profile.version}
    if not _execute(connection, _DELETE_USER, key):
        raise Conflict(user)
    emptied = _execute(connection, _FORGET_VALUES, key)
    _execute(connection, _ADD_CHANGE, deletion_entry(author, profile) | {"at": datetime.now(UTC)})
    return emptied


def _store_picture(
    connection: sqlite3.Connection,
    tenant_id: UUID,
    user_id: UUID,
    before: Avatar | None,
    after: Avatar | None,
) -> None:
    """The user is known to be at the version of ``before``, so its picture is stored."""
    key = {"of_tenant": tenant_id, "of_user": user_id}
    if after is None:
        if before is not None:
            _execute(connection, _DROP_AVATAR, key)
    elif before is None:
        row = {"tenant_id": tenant_id, "user_id": user_id, "image": after.image}
        _execute(connection, _ADD_AVATAR, row)
    else:
        _execute(connection, _REPLACE_AVATAR, {**key, "image": after.image})


def _execute(
    connection: sqlite3.Connection, statement: Statement, values: Mapping[str, Any]
) -> int:
    """The number of rows written."""
    return connection.execute(statement.text, statement.bind(values)).rowcount
