"""Writing a change to Postgres: the user's row, the picture if it differs, the audit entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, NewType, Self, get_type_hints
from uuid import UUID

import asyncpg

from profile_infra.stores import statements as sql
from profile_infra.stores.changes import (
    Author,
    Differences,
    as_json,
    deletion_entry,
    user_differences,
)
from profile_infra.stores.postgres.failures import is_outage
from profile_infra.stores.postgres.nodes import Connection
from profile_infra.stores.records import Conflict, User, columns_of
from profile_infra.stores.statements import Driver, Statement

DRIVER: Final = Driver(
    numbered=True,
    bind=dict.fromkeys(
        ("fields", "old_values", "new_values"), as_json
    ),  # asyncpg takes JSON as text
    read={},
)

# Writes are never cancelled, so the waits for a lock end by themselves.
_SET_LOCK_TIMEOUT: Final = "set_config('lock_timeout', '3s', true)"
SET_TENANT: Final = f"SELECT set_config('profile.tenant_id', $1, true), {_SET_LOCK_TIMEOUT}"
# Waits until all that was seen before is on the synchronous standby, where there is one: as a write
# does, since Postgres waits for no transaction that wrote nothing. What is visible is durable here,
# but may have been committed "locally" by an operator's cancel or a crash during the wait.
CONFIRM: Final = """
SELECT pg_logical_emit_message(true, 'profile', '')
WHERE current_setting('synchronous_standby_names') <> ''
"""
Json = NewType("Json", str)


class Save(NamedTuple):
    """The parameters of the SQL function ``profile_save``, under the same names."""

    of_tenant: UUID
    of_user: UUID
    from_version: int
    by_issuer: str
    by_subject: str
    by_face: str
    in_request: str
    of_fields: Json
    from_values: Json
    to_values: Json
    from_avatar: bytes | None
    to_avatar: bytes | None
    to_avatar_type: str | None
    to_image: bytes | None
    to_told_at: float | None

    @classmethod
    def of(cls, author: Author, change: Differences) -> Self:
        picture = change.avatar if change.of_picture else None
        return cls(
            of_tenant=change.tenant_id,
            of_user=change.user_id,
            from_version=change.version,
            by_issuer=author.issuer,
            by_subject=author.subject,
            by_face=author.face,
            in_request=author.request_id,
            of_fields=Json(as_json(change.fields)),
            from_values=Json(as_json(change.old)),
            to_values=Json(as_json(change.new)),
            from_avatar=change.old_digest,
            to_avatar=change.new_digest,
            to_avatar_type=picture.media_type if picture else None,
            to_image=picture.image if picture else None,
            to_told_at=change.claims_issued_at,
        )

    @property
    def key(self) -> tuple[bytes, bytes]:
        """The key of the user's row; several rows are locked in this order."""
        return self.of_tenant.bytes, self.of_user.bytes


SAVE_TYPES: Final = {
    UUID: "uuid",
    int: "bigint",
    str: "text",
    Json: "jsonb",
    bytes | None: "bytea",
    str | None: "text",
    float | None: "double precision",
}
_NAMES: Final = Save._fields
_HINTS: Final = get_type_hints(Save)
_LISTS: Final = ", ".join(
    f"${place}::{SAVE_TYPES[_HINTS[name]]}[]" for place, name in enumerate(_NAMES, 1)
)
_EACH: Final = ", ".join(f"{name} => saves.{name}" for name in _NAMES)
_PLACES: Final = ", ".join(f"{name} => ${place}" for place, name in enumerate(_NAMES, 1))
_WITH_LOCK_TIMEOUT: Final = f"WITH lock_timeout AS MATERIALIZED (SELECT {_SET_LOCK_TIMEOUT})"
# One locked row would hold up the whole batch: it is rolled back instead.
_WITH_SHORT_LOCKS: Final = _WITH_LOCK_TIMEOUT.replace("3s", "50ms")
_CALL: Final = f"SELECT profile_save({_PLACES}) FROM lock_timeout"  # noqa: S608  # our own places
_SAVE: Final = f"{_WITH_LOCK_TIMEOUT} {_CALL}"
_SAVE_OR_TIME_OUT: Final = f"{_WITH_SHORT_LOCKS} {_CALL}"
_SAVE_BATCH: Final = f"""
{_WITH_SHORT_LOCKS}
SELECT profile_save({_EACH}) FROM lock_timeout, unnest({_LISTS}) AS saves({", ".join(_NAMES)})
"""  # noqa: S608  # places and types of our own
_ROLLED_BACK: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
)
_ADD_USER = Statement(sql.ADD_USER, DRIVER)
_ADD_AVATAR = Statement(sql.ADD_AVATAR, DRIVER)
_DELETE_USER = Statement(sql.DELETE_USER, DRIVER)
_FORGET_VALUES = Statement(sql.FORGET_VALUES, DRIVER)
_ADD_CHANGE = Statement(sql.ADD_CHANGE, DRIVER)


async def replace(connection: Connection, save: Save) -> bool:
    """One round trip; False if the user is no longer at the version that the save expects."""
    try:
        written: bool = await connection.fetchval(_SAVE, *save)
    except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
        return False  # rolled back by Postgres, because another was faster
    return written


async def replace_batch(connection: Connection, saves: Sequence[Save]) -> list[bool] | None:
    """``replace`` for each save, in one round trip and one transaction.

    None if all was rolled back, after at most 50 ms of waiting for a locked row. Rows are locked in
    the order of their keys, so that batches of two processes do not deadlock.
    """
    order = sorted(range(len(saves)), key=lambda n: saves[n].key)
    try:
        if len(saves) == 1:
            return [await connection.fetchval(_SAVE_OR_TIME_OUT, *saves[0])]
        columns = zip(*(saves[n] for n in order), strict=True)
        rows = await connection.fetch(_SAVE_BATCH, *columns)
    except asyncpg.PostgresError as error:
        if is_outage(error) and not isinstance(error, _ROLLED_BACK):
            raise
        return None
    saved = [False] * len(saves)
    for n, row in zip(order, rows, strict=True):
        saved[n] = row[0]
    return saved


async def save_users(
    connection: Connection,
    author: Author,
    inserts: Sequence[User],
    updates: Sequence[tuple[User, User]],
) -> None:
    """Raises Conflict for the first user that exists already or is at another version.

    Rows are written in the order of their keys, so that two imports do not deadlock. The
    transaction is the caller's.
    """
    user: User
    try:
        for user in sorted(inserts, key=_key):
            await _add(connection, user)
        for before, user in sorted(updates, key=_key_of_update):
            change = user_differences(before, user)
            if change and not await replace(connection, Save.of(author, change)):
                raise Conflict(user)
    except asyncpg.UniqueViolationError as error:
        raise Conflict(user) from error


async def _add(connection: Connection, user: User) -> None:
    profile, now = user.profile, datetime.now(UTC)
    await connection.execute(SET_TENANT, str(profile.tenant_id))
    key = {"of_tenant": profile.tenant_id, "of_user": profile.id}
    row = {"tenant_id": profile.tenant_id, "id": profile.id, "created_at": now, "updated_at": now}
    await _execute(connection, _ADD_USER, key | row | columns_of(user))
    if profile.avatar:
        picture = {
            "tenant_id": profile.tenant_id,
            "user_id": profile.id,
            "image": profile.avatar.image,
        }
        await _execute(connection, _ADD_AVATAR, picture)


async def remove(connection: Connection, author: Author, user: User) -> int:
    """The number of audit entries whose values were cleared. Raises Conflict."""
    profile = user.profile
    key = {"of_tenant": profile.tenant_id, "of_user": profile.id, "old_version": profile.version}
    async with connection.transaction():
        await connection.execute(SET_TENANT, str(profile.tenant_id))
        if not await _execute(connection, _DELETE_USER, key):
            raise Conflict(user)
        emptied = await _execute(connection, _FORGET_VALUES, key)
        change = deletion_entry(author, profile) | {"at": datetime.now(UTC)}
        await _execute(connection, _ADD_CHANGE, change)
    return emptied


async def _execute(connection: Connection, statement: Statement, values: Mapping[str, Any]) -> int:
    """The number of rows written."""
    tag: str = await connection.execute(statement.text, *statement.bind(values))
    return int(tag.rpartition(" ")[2])


def _key_of_update(update: tuple[User, User]) -> tuple[bytes, bytes]:
    before, _ = update
    return _key(before)


def _key(user: User) -> tuple[bytes, bytes]:
    return user.profile.tenant_id.bytes, user.profile.id.bytes
