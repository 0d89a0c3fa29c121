"""What one change writes to Postgres: the user's row, the picture if it differs, the trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as sqlalchemy_asyncpg

from profile_domain.profile import AVATAR
from profile_infra import statements as sql
from profile_infra.postgres_pool import Connection, is_outage
from profile_infra.statements import Statement
from profile_infra.trail import Author, as_json, entry, removal
from profile_infra.users import Clash, User, fields_of

DIALECT: Final = sqlalchemy_asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's gap

SET_TENANT: Final = "SELECT set_config('profile.tenant_id', $1, true)"
_SAVE_TYPES: Final = (
    *("uuid", "uuid", "bigint"),
    *("text", "text", "text", "text"),
    *("jsonb", "jsonb", "jsonb"),
    *("bytea", "bytea", "text", "bytea", "float8"),
)
_PLACES: Final = range(1, len(_SAVE_TYPES) + 1)
_LISTS: Final = ", ".join(f"${n}::{type_}[]" for n, type_ in zip(_PLACES, _SAVE_TYPES, strict=True))
_EACH: Final = ", ".join(f"a{n}" for n in _PLACES)
_SAVE: Final = f"SELECT profile_save({', '.join(f'${n}' for n in _PLACES)})"
# A row that somebody else has locked would keep all others: nothing is done then.
_HURRY: Final = "SELECT set_config('lock_timeout', '50ms', true)"
_SAVE_SOON: Final = f"WITH hurry AS MATERIALIZED ({_HURRY}) {_SAVE} FROM hurry"
_SAVE_TOGETHER: Final = f"""
WITH hurry AS MATERIALIZED ({_HURRY})
SELECT profile_save({_EACH}) FROM hurry, unnest({_LISTS}) AS saves({_EACH})
"""  # noqa: S608  # places and types of our own
_UNDONE: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
)
_ADD_USER = Statement(sql.ADD_USER, DIALECT)
_ADD_AVATAR = Statement(sql.ADD_AVATAR, DIALECT)
_DELETE_USER = Statement(sql.DELETE_USER, DIALECT)
_FORGET_VALUES = Statement(sql.FORGET_VALUES, DIALECT)
_ADD_CHANGE = Statement(sql.ADD_CHANGE, DIALECT)


def call_to_replace(author: Author, before: User, after: User) -> list[Any] | None:
    """The arguments that write what differs, one version on; None when nothing does."""
    stored = before.profile
    if (stored.tenant_id, stored.id) != (after.profile.tenant_id, after.profile.id):
        raise ValueError("a user cannot become another")
    was, fields = fields_of(before), fields_of(after)
    old = {field: value for field, value in was.items() if value != fields[field]}
    if not old:
        return None
    told = entry(author, old, {field: fields[field] for field in old})
    picture = after.profile.avatar if AVATAR in told["fields"] else None
    if picture and picture.image is None:
        raise ValueError("a new avatar comes with its image")
    return [
        stored.tenant_id,
        stored.id,
        stored.version,
        author.issuer,
        author.subject,
        author.face,
        author.request_id,
        as_json(told["fields"]),
        as_json(told["old_values"]),
        as_json(told["new_values"]),
        told["old_avatar"],
        picture and picture.digest,
        picture and picture.media_type,
        picture and picture.image,
        after.told_at,
    ]


async def replace(connection: Connection, arguments: Sequence[Any]) -> bool:
    """One round trip; False when the user is no longer at the version to start from."""
    try:
        written: bool = await connection.fetchval(_SAVE, *arguments)
    except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
        return False  # undone by Postgres, because another was faster
    return written


async def replace_together(
    connection: Connection, saves: Sequence[Sequence[Any]]
) -> list[bool] | None:
    """As ``replace`` for each, in one round trip and one transaction.

    None when all was undone, at the latest 50 ms after it met a row that somebody has locked.
    Rows are locked in the order of their keys, so that two processes never wait in a circle.
    """
    order = sorted(range(len(saves)), key=lambda n: (saves[n][0].bytes, saves[n][1].bytes))
    try:
        if len(saves) == 1:
            return [await connection.fetchval(_SAVE_SOON, *saves[0])]
        columns = zip(*(saves[n] for n in order), strict=True)
        rows = await connection.fetch(_SAVE_TOGETHER, *columns)
    except asyncpg.PostgresError as error:
        if is_outage(error) and not isinstance(error, _UNDONE):
            raise
        return None
    told = [False] * len(saves)
    for n, row in zip(order, rows, strict=True):
        told[n] = row[0]
    return told


async def save_users(
    connection: Connection,
    author: Author,
    inserts: Sequence[User],
    updates: Sequence[tuple[User, User]],
) -> None:
    """Raises Clash at the first user who is in the way, or who was changed meanwhile.

    In the order of their keys, so that two who do this at once wait for each other but never
    in a circle.
    """
    user: User
    async with connection.transaction():
        try:
            for user in sorted(inserts, key=_key):
                await _add(connection, user)
            for before, user in sorted(updates, key=lambda pair: _key(pair[0])):
                arguments = call_to_replace(author, before, user)
                if arguments and not await replace(connection, arguments):
                    raise Clash(user)
        except asyncpg.UniqueViolationError as error:
            raise Clash(user) from error


async def _add(connection: Connection, user: User) -> None:
    profile, now = user.profile, datetime.now(UTC)
    await connection.execute(SET_TENANT, str(profile.tenant_id))
    key = {"of_tenant": profile.tenant_id, "of_user": profile.id}
    row = {"tenant_id": profile.tenant_id, "id": profile.id, "created_at": now, "updated_at": now}
    await _execute(connection, _ADD_USER, key | row | fields_of(user))
    if profile.avatar:
        picture = {
            "tenant_id": profile.tenant_id,
            "user_id": profile.id,
            "image": profile.avatar.image,
        }
        await _execute(connection, _ADD_AVATAR, picture)


async def remove(connection: Connection, author: Author, user: User) -> int:
    """How many entries of the trail lost their values. Raises Clash."""
    profile = user.profile
    key = {"of_tenant": profile.tenant_id, "of_user": profile.id, "old_version": profile.version}
    async with connection.transaction():
        await connection.execute(SET_TENANT, str(profile.tenant_id))
        if not await _execute(connection, _DELETE_USER, key):
            raise Clash(user)
        emptied = await _execute(connection, _FORGET_VALUES, key)
        change = removal(author, profile) | {"at": datetime.now(UTC)}
        await _execute(connection, _ADD_CHANGE, change)
    return emptied


async def _execute(connection: Connection, statement: Statement, values: Mapping[str, Any]) -> int:
    """How many rows it wrote."""
    tag: str = await connection.execute(statement.text, *statement.bind(values))
    return int(tag.rpartition(" ")[2])


def _key(user: User) -> tuple[bytes, bytes]:
    return user.profile.tenant_id.bytes, user.profile.id.bytes
