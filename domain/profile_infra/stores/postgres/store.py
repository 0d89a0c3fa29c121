"""The store on Postgres, for any number of machines; a load or a save is one round trip."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from profile_domain.audit import AuditEntry
from profile_domain.caller import Caller, Identity
from profile_domain.errors import DomainError
from profile_domain.export import StoredProfile
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import Profile
from profile_infra.stores import statements as sql
from profile_infra.stores.audit import (
    CHANGE_COLUMNS,
    AuditPlace,
    TenantEntry,
    after_kept,
    kept_since,
)
from profile_infra.stores.changes import Author, differences
from profile_infra.stores.postgres.batching import CallBatcher
from profile_infra.stores.postgres.nodes import Connection
from profile_infra.stores.postgres.pool import CALL_SECONDS, CLOSE_SECONDS, PostgresPool
from profile_infra.stores.postgres.schema import (
    RightsMissing,
    RowSecurityBypassed,
    check_database,
    check_rights,
    check_row_security,
    schema_in,
)
from profile_infra.stores.postgres.writes import (
    CONFIRM,
    DRIVER,
    SET_TENANT,
    Save,
    remove,
    replace,
    replace_batch,
    save_users,
)
from profile_infra.stores.records import (
    PROFILE_COLUMNS,
    Undone,
    User,
    read_profile,
    read_stored_profile,
    read_user,
)
from profile_infra.stores.revisions import EMPTY, SchemaMismatch, check_revision
from profile_infra.stores.statements import Statement

POOL_SIZE: Final = 10

# Batches that run at the same time. With more, each batch holds fewer calls.
CONCURRENT_LOADS: Final = 1
CONCURRENT_SAVES: Final = 1

_LOADED = f"{', '.join(f'(person).{column}' for column in PROFILE_COLUMNS)}, image"
_LOAD = f"SELECT {_LOADED} FROM profile_load_user($1, $2, $3, $4, $5)"  # noqa: S608  # our own columns
_LOAD_BATCH = f"""
SELECT {_LOADED} FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[])
  WITH ORDINALITY AS calls(tenant, issuer, or_issuer, subject, with_image, place),
  LATERAL profile_load_user(
    calls.tenant, calls.issuer, calls.or_issuer, calls.subject, calls.with_image
  )
ORDER BY place
"""  # noqa: S608  # our own columns
_HISTORY = f"SELECT {', '.join(CHANGE_COLUMNS)} FROM profile_history($1, $2, $3, $4, $5)"  # noqa: S608  # our own columns
_AVATAR = Statement(sql.AVATAR, DRIVER)
_AVATAR_WITH_IMAGE = Statement(sql.AVATAR_WITH_IMAGE, DRIVER)
_BY_ID = Statement(sql.BY_ID, DRIVER)
_BY_EMAIL = Statement(sql.BY_EMAIL, DRIVER)
_STORED_PROFILE = Statement(sql.STORED_PROFILE, DRIVER)
_LIST = Statement(sql.LIST, DRIVER)
_LIST_AFTER = Statement(sql.LIST_AFTER, DRIVER)
_AUDIT = Statement(sql.AUDIT, DRIVER)
_DELETED = Statement(sql.DELETED, DRIVER)
_FORGET = Statement(sql.FORGET, DRIVER)

_Key = tuple[UUID, str, str, str, bool]
_NO_ID: Final = UUID(int=0)
_NOBODY: Final[_Key] = (_NO_ID, "", "", "", True)
_LARGEST = 2**63 - 1
_JSON_COLUMNS = ("fields", "old_values", "new_values")
# Additional seconds for each row of an import.
_PER_ROW = 0.02
_FORGET_SECONDS = 600


_log = logging.getLogger(__name__)


class PostgresProfiles:
    """Implements ``Store``, which documents the methods."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = POOL_SIZE,
        prepared: bool = True,
        call_seconds: float = CALL_SECONDS,
        history_days: int | None = None,
    ) -> None:
        self._history_days = history_days
        self._pool = PostgresPool(url, size=pool_size, prepared=prepared, seconds=call_seconds)
        self._loads = CallBatcher(
            self._load_batch,
            self._load_one,
            concurrency=CONCURRENT_LOADS,
            seconds=call_seconds,
            cancel=True,
        )
        self._saves = CallBatcher(
            self._save_batch,
            self._save_one,
            concurrency=CONCURRENT_SAVES,
            seconds=call_seconds,
            cancel=False,
        )
        self._confirmations = CallBatcher(
            self._confirm_batch,
            self._confirm_one,
            concurrency=CONCURRENT_SAVES,
            seconds=call_seconds,
            cancel=False,
        )
        self._batchers = (self._loads, self._saves, self._confirmations)

    @property
    def waiting(self) -> int:
        return self._pool.waiting + sum(each.waiting for each in self._batchers)

    async def open(self) -> None:
        await self._pool.open(check_database)

    async def close(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*(each.drain() for each in self._batchers))
        await self._pool.close()

    async def missing(self) -> str | None:
        """A newer schema is ready too if this release can live on it: a rolling upgrade migrates
        before this release ends.
        """

        async def look(connection: Connection) -> None:
            found = await schema_in(connection)
            if found != EMPTY:
                await check_rights(connection)
                await check_row_security(connection)
            check_revision(found)
            await connection.fetch(_LOAD, *_NOBODY)
            await connection.fetch(_HISTORY, _NO_ID, _NO_ID, 0, kept_since(None), 1)

        try:
            await self._pool.read(look)
        except RowSecurityBypassed as error:
            _log.warning("%s", error)
            return "row security"
        except (RightsMissing, asyncpg.InsufficientPrivilegeError) as error:
            _log.warning("%s", error)
            return "rights"
        except SchemaMismatch:
            return "migrations"
        except (DomainError, asyncpg.PostgresError):
            return "store"
        return None

    async def load(self, identity: Identity, *, with_image: bool) -> Profile | None:
        """One round trip; concurrent loads share it."""
        if not _storable(identity.issuer, identity.subject):
            return None
        key = (identity.tenant_id, *identity.matching_issuers, identity.subject, with_image)
        row = await self._loads.run(key)
        if row["id"] is None:
            return None
        return read_profile(identity.tenant_id, row, row["image"])

    async def avatar(self, tenant_id: UUID, user_id: UUID, *, with_image: bool) -> Avatar | None:
        statement = _AVATAR_WITH_IMAGE if with_image else _AVATAR
        rows = await self._rows(statement, tenant_id, {"of_user": user_id})
        return Avatar(*rows[0]) if rows else None

    async def save(self, caller: Caller, before: Profile, after: Profile) -> bool:
        """One round trip; concurrent saves share it and its commit."""
        identity = caller.identity
        if before.tenant_id != identity.tenant_id:
            return False
        change = differences(before, after)
        if change is None:
            await self._confirmations.run(None)
            return True
        save = Save.of(Author.of(caller), change)
        if save.to_image is not None:  # pictures are too large for a batch
            return await self._saves.run_alone(save)
        return await self._saves.run(save)

    async def users_of(self, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, User]:
        asked = [{"of_user": id_} for id_ in ids]
        users = await self._users(_BY_ID, tenant_id, *asked)
        return {user.profile.id: user for user in users}

    async def users_by_email(self, tenant_id: UUID, *emails: str) -> list[User]:
        asked = [{"email": email} for email in emails if _storable(email)]
        return await self._users(_BY_EMAIL, tenant_id, *asked)

    async def deleted_users(self, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, datetime]:
        asked = [{"of_user": id_} for id_ in ids]
        return dict(await self._rows(_DELETED, tenant_id, *asked))

    async def list_users(
        self, tenant_id: UUID, *, first: int, after: UUID | None = None
    ) -> list[User]:
        if after is None:
            return await self._users(_LIST, tenant_id, {"first": first})
        return await self._users(_LIST_AFTER, tenant_id, {"first": first, "of_user": after})

    async def apply(
        self,
        author: Author,
        inserts: Sequence[User],
        updates: Sequence[tuple[User, User]],
        *,
        dry_run: bool = False,
    ) -> None:
        async def job(connection: Connection) -> None:
            async with connection.transaction():
                await save_users(connection, author, inserts, updates)
                if dry_run:
                    raise Undone

        with suppress(Undone):
            await self._pool.write(job, extra_seconds=_PER_ROW * (len(inserts) + len(updates)))

    async def delete(self, author: Author, user: User) -> int:
        return await self._pool.write(lambda connection: remove(connection, author, user))

    async def history(
        self, tenant_id: UUID, user_id: UUID, *, first: int, after: int | None = None
    ) -> list[AuditEntry]:
        """One round trip."""
        before = _LARGEST if after is None else max(0, min(after, _LARGEST))
        key = (tenant_id, user_id, before, kept_since(self._history_days), first)
        rows = await self._pool.read(lambda connection: connection.fetch(_HISTORY, *key))
        return [_read_change(row) for row in rows]

    async def stored_profile(self, tenant_id: UUID, user_id: UUID) -> StoredProfile | None:
        rows = await self._rows(_STORED_PROFILE, tenant_id, {"of_user": user_id})
        return read_stored_profile(tenant_id, rows[0]) if rows else None

    async def audit(
        self, tenant_id: UUID, *, first: int, after: AuditPlace, until: datetime
    ) -> list[TenantEntry]:
        place = after_kept(after, self._history_days)._asdict()
        rows = await self._rows(_AUDIT, tenant_id, {**place, "until": until, "first": first})
        return [TenantEntry(row["user_id"], _read_change(row)) for row in rows]

    async def forget_changes(self, tenant_id: UUID) -> int:
        values = {"of_tenant": tenant_id, "since": kept_since(self._history_days)}

        async def forget(connection: Connection) -> int:
            async with connection.transaction():
                await connection.execute(SET_TENANT, str(tenant_id))
                done = await connection.execute(_FORGET.text, *_FORGET.bind(values))
            return int(done.removeprefix("DELETE "))

        return await self._pool.write(forget, extra_seconds=_FORGET_SECONDS)

    async def _load_one(self, key: _Key) -> Any:  # noqa: ANN401  # asyncpg's record
        return await self._pool.read(lambda connection: connection.fetchrow(_LOAD, *key))

    async def _load_batch(self, keys: Sequence[_Key]) -> list[Any]:
        if len(keys) == 1:
            return [await self._load_one(keys[0])]
        columns = [list(column) for column in zip(*keys, strict=True)]
        rows: list[Any] = await self._pool.read(
            lambda connection: connection.fetch(_LOAD_BATCH, *columns)
        )
        return rows

    async def _save_one(self, save: Save) -> bool:
        return await self._pool.finish_alone(lambda connection: replace(connection, save))

    async def _save_batch(self, saves: Sequence[Save]) -> list[bool] | None:
        return await self._pool.finish(lambda connection: replace_batch(connection, saves))

    async def _confirm_one(self, _: None) -> None:
        await self._pool.finish(lambda connection: connection.fetch(CONFIRM))

    async def _confirm_batch(self, jobs: Sequence[None]) -> Sequence[None]:
        await self._confirm_one(None)
        return jobs

    async def _users(
        self, statement: Statement, tenant_id: UUID, *asked: Mapping[str, object]
    ) -> list[User]:
        rows = await self._rows(statement, tenant_id, *asked)
        return [read_user(tenant_id, row) for row in rows]

    async def _rows(
        self, statement: Statement, tenant_id: UUID, *asked: Mapping[str, object]
    ) -> list[Any]:
        """The rows of the statement for each of ``asked``."""

        async def fetch(connection: Connection) -> list[Any]:
            async with connection.transaction(readonly=True):
                await connection.execute(SET_TENANT, str(tenant_id))
                found = []
                for values in asked:
                    bound = statement.bind({"of_tenant": tenant_id, **values})
                    found += await connection.fetch(statement.text, *bound)
                return found

        return await self._pool.read(fetch, extra_seconds=_PER_ROW * len(asked))


def _read_change(row: Mapping[str, Any]) -> AuditEntry:
    values = {name: row[name] for name in CHANGE_COLUMNS}
    for name in _JSON_COLUMNS:
        values[name] = values[name] and json.loads(values[name])
    return AuditEntry(**values)


def _storable(*texts: str) -> bool:
    """Whether Postgres can store these texts: it has neither NUL nor lone surrogates."""
    try:
        return "\0" not in "".join(texts).encode().decode()
    except UnicodeEncodeError:
        return False
