"""What one change writes to SQLite: the user's row, the picture if it differs, the trail."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects import sqlite

from profile_domain.avatar import Avatar
from profile_infra import statements as sql
from profile_infra.statements import Statement, replace_user_statement
from profile_infra.trail import Author, as_json, entry, removal
from profile_infra.users import Clash, User, fields_of

DIALECT: Final = sqlite.dialect(json_serializer=as_json)

_ADD_USER = Statement(sql.ADD_USER, DIALECT)
_ADD_CHANGE = Statement(sql.ADD_CHANGE, DIALECT)
_ADD_AVATAR = Statement(sql.ADD_AVATAR, DIALECT)
_REPLACE_AVATAR = Statement(sql.REPLACE_AVATAR, DIALECT)
_FORGET_VALUES = Statement(sql.FORGET_VALUES, DIALECT)
_DELETE_USER = Statement(sql.DELETE_USER, DIALECT)
_DROP_AVATAR = Statement(sql.DROP_AVATAR, DIALECT)
_TAKEN = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


def save_users(
    connection: sqlite3.Connection,
    author: Author,
    inserts: Sequence[User],
    updates: Sequence[tuple[User, User]],
) -> None:
    """Raises Clash at the first user who is in the way, or who was changed meanwhile."""
    user = None
    try:
        for user in inserts:
            _add(connection, user)
        for before, user in updates:
            if not replace(connection, author, before, user):
                raise Clash(user)
    except sqlite3.IntegrityError as error:
        if user is None or error.sqlite_errorcode not in _TAKEN:
            raise
        raise Clash(user) from error


def _add(connection: sqlite3.Connection, user: User) -> None:
    profile, now = user.profile, datetime.now(UTC)
    key = {"of_tenant": profile.tenant_id, "of_user": profile.id}
    row = {"tenant_id": profile.tenant_id, "id": profile.id, "created_at": now, "updated_at": now}
    _execute(connection, _ADD_USER, key | row | fields_of(user))
    _store_picture(connection, profile.tenant_id, profile.id, None, profile.avatar)


def replace(connection: sqlite3.Connection, author: Author, before: User, after: User) -> bool:
    """Writes what differs, one version on; False when ``before`` is no longer what is stored."""
    stored = before.profile
    tenant_id, user_id, version = stored.tenant_id, stored.id, stored.version
    if (tenant_id, user_id) != (after.profile.tenant_id, after.profile.id):
        raise ValueError("a user cannot become another")
    fields, now = fields_of(after), datetime.now(UTC)
    old = {field: value for field, value in fields_of(before).items() if value != fields[field]}
    new = {field: fields[field] for field in old}
    if not new:
        return True
    key = {"of_tenant": tenant_id, "of_user": user_id, "old_version": version}
    row = {**new, "version": version + 1, "updated_at": now}
    if not _execute(connection, replace_user_statement(tuple(new), DIALECT), key | row):
        return False
    if "avatar_digest" in new:
        _store_picture(connection, tenant_id, user_id, stored.avatar, after.profile.avatar)
    change = {"tenant_id": tenant_id, "user_id": user_id, "at": now}
    change |= {"old_version": version, "new_version": version + 1}
    _execute(connection, _ADD_CHANGE, change | entry(author, old, new))
    return True


def remove(connection: sqlite3.Connection, author: Author, user: User) -> int:
    """How many entries of the trail lost their values. Raises Clash."""
    profile = user.profile
    key = {"of_tenant": profile.tenant_id, "of_user": profile.id, "old_version": profile.version}
    if not _execute(connection, _DELETE_USER, key):
        raise Clash(user)
    emptied = _execute(connection, _FORGET_VALUES, key)
    _execute(connection, _ADD_CHANGE, removal(author, profile) | {"at": datetime.now(UTC)})
    return emptied


def _store_picture(
    connection: sqlite3.Connection,
    tenant_id: UUID,
    user_id: UUID,
    before: Avatar | None,
    after: Avatar | None,
) -> None:
    """The users' row at ``before`` was there, so the picture that belongs to it is there too."""
    key = {"of_tenant": tenant_id, "of_user": user_id}
    if after is None:
        if before is not None:
            _execute(connection, _DROP_AVATAR, key)
    elif after.image is None:
        raise ValueError("a new avatar comes with its image")
    elif before is None:
        row = {"tenant_id": tenant_id, "user_id": user_id, "image": after.image}
        _execute(connection, _ADD_AVATAR, row)
    else:
        _execute(connection, _REPLACE_AVATAR, {**key, "image": after.image})


def _execute(
    connection: sqlite3.Connection, statement: Statement, values: Mapping[str, Any]
) -> int:
    """How many rows it wrote."""
    return connection.execute(statement.text, statement.bind(values)).rowcount
