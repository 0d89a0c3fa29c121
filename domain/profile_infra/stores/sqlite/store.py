"""The store on SQLite: one file for any number of processes, accessed on the event loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from profile_domain.audit import AuditEntry
from profile_domain.caller import Caller, Identity
from profile_domain.errors import unavailable
from profile_domain.export import StoredProfile
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import Profile
from profile_infra.stores import statements as sql
from profile_infra.stores.audit import AuditPlace, TenantEntry, after_kept, kept_since
from profile_infra.stores.changes import Author, differences
from profile_infra.stores.records import (
    PROFILE_COLUMNS,
    Undone,
    User,
    read_profile,
    read_stored_profile,
    read_user,
)
from profile_infra.stores.revisions import SchemaMismatch, check_revision
from profile_infra.stores.sqlite.file import connect, path_of, schema_in, set_wait, translated
from profile_infra.stores.sqlite.group_commit import GroupCommit, Job, T
from profile_infra.stores.sqlite.writes import DRIVER, remove, replace, save_users
from profile_infra.stores.statements import Statement

_LOAD = Statement(sql.LOAD, DRIVER)
_LOAD_WITH_IMAGE = Statement(sql.LOAD_WITH_IMAGE, DRIVER)
_AVATAR = Statement(sql.AVATAR, DRIVER)
_AVATAR_WITH_IMAGE = Statement(sql.AVATAR_WITH_IMAGE, DRIVER)
_BY_ID = Statement(sql.BY_ID, DRIVER)
_BY_EMAIL = Statement(sql.BY_EMAIL, DRIVER)
_STORED_PROFILE = Statement(sql.STORED_PROFILE, DRIVER)
_LIST = Statement(sql.LIST, DRIVER)
_LIST_AFTER = Statement(sql.LIST_AFTER, DRIVER)
_HISTORY = Statement(sql.HISTORY, DRIVER)
_AUDIT = Statement(sql.AUDIT, DRIVER)
_DELETED = Statement(sql.DELETED, DRIVER)
_FORGET = Statement(sql.FORGET, DRIVER)

_OPENING_WAIT = 10.0
# Seconds that the event loop may block. In WAL mode a reader waits only while another process
# recovers the file after a crash.
_READ_WAIT = 0.1
_WRITE_WAIT = 0.0  # GroupCommit retries without blocking the event loop
_LARGEST = 2**63 - 1


class SqliteProfiles:
    """Implements ``Store``, which documents the methods."""

    def __init__(self, url: str, *, history_days: int | None = None) -> None:
        """Raises UnusableDatabase for a URL that it cannot parse."""
        self._history_days = history_days
        self._path = path_of(url)
        self._reader: sqlite3.Connection | None = None
        self._writer: GroupCommit | None = None

    async def open(self) -> None:
        reader = connect(self._path, wait=_OPENING_WAIT, read_only=True)
        try:
            check_revision(schema_in(reader))
            set_wait(reader, _READ_WAIT)
            self._writer = GroupCommit(connect(self._path, wait=_WRITE_WAIT))
        except BaseException:
            reader.close()
            raise
        self._reader = reader

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    async def missing(self) -> str | None:
        if self._reader is None or self._writer is None:
            return "store"
        try:
            check_revision(schema_in(self._reader))
        except SchemaMismatch:
            return "migrations"
        except sqlite3.Error:
            return "store"
        return None

    @property
    def waiting(self) -> int:
        return self._writer.waiting if self._writer is not None else 0

    async def load(self, identity: Identity, *, with_image: bool) -> Profile | None:
        statement = _LOAD_WITH_IMAGE if with_image else _LOAD
        issuer, or_issuer = identity.matching_issuers
        rows = self._read(
            statement,
            of_tenant=identity.tenant_id,
            issuer=issuer,
            or_issuer=or_issuer,
            subject=identity.subject,
        )
        if not rows:
            return None
        image = rows[0][len(PROFILE_COLUMNS)] if with_image else None
        return read_profile(identity.tenant_id, rows[0], image)

    async def avatar(self, tenant_id: UUID, user_id: UUID, *, with_image: bool) -> Avatar | None:
        statement = _AVATAR_WITH_IMAGE if with_image else _AVATAR
        rows = self._read(statement, of_tenant=tenant_id, of_user=user_id)
        return Avatar(*rows[0]) if rows else None

    async def save(self, caller: Caller, before: Profile, after: Profile) -> bool:
        identity = caller.identity
        if before.tenant_id != identity.tenant_id:
            return False
        change = differences(before, after)
        if change is None:
            return True
        author = Author.of(caller)
        return await self._write(lambda at: replace(at, author, change))

    async def users_of(self, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, User]:
        found = [self._users(_BY_ID, tenant_id, of_user=id_) for id_ in ids]
        return {user.profile.id: user for users in found for user in users}

    async def users_by_email(self, tenant_id: UUID, *emails: str) -> list[User]:
        found = [self._users(_BY_EMAIL, tenant_id, email=email) for email in emails]
        return [user for users in found for user in users]

    async def deleted_users(self, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, datetime]:
        found = [self._read(_DELETED, of_tenant=tenant_id, of_user=id_) for id_ in ids]
        return {user_id: at for rows in found for user_id, at in rows}

    async def list_users(
        self, tenant_id: UUID, *, first: int, after: UUID | None = None
    ) -> list[User]:
        if after is None:
            return self._users(_LIST, tenant_id, first=first)
        return self._users(_LIST_AFTER, tenant_id, first=first, of_user=after)

    async def apply(
        self,
        author: Author,
        inserts: Sequence[User],
        updates: Sequence[tuple[User, User]],
        *,
        dry_run: bool = False,
    ) -> None:
        def job(at: sqlite3.Connection) -> None:
            save_users(at, author, inserts, updates)
            if dry_run:
                raise Undone

        with suppress(Undone):
            await self._write(job)

    async def delete(self, author: Author, user: User) -> int:
        return await self._write(lambda at: remove(at, author, user))

    async def history(
        self, tenant_id: UUID, user_id: UUID, *, first: int, after: int | None = None
    ) -> list[AuditEntry]:
        before = _LARGEST if after is None else max(0, min(after, _LARGEST))
        rows = self._read(
            _HISTORY,
            of_tenant=tenant_id,
            of_user=user_id,
            before=before,
            since=kept_since(self._history_days),
            first=first,
        )
        return [AuditEntry(*row) for row in rows]

    async def stored_profile(self, tenant_id: UUID, user_id: UUID) -> StoredProfile | None:
        rows = self._read(_STORED_PROFILE, of_tenant=tenant_id, of_user=user_id)
        return read_stored_profile(tenant_id, rows[0]) if rows else None

    async def audit(
        self, tenant_id: UUID, *, first: int, after: AuditPlace, until: datetime
    ) -> list[TenantEntry]:
        place = after_kept(after, self._history_days)._asdict()
        rows = self._read(_AUDIT, of_tenant=tenant_id, until=until, first=first, **place)
        return [TenantEntry(user_id, AuditEntry(*change)) for user_id, *change in rows]

    async def forget_changes(self, tenant_id: UUID) -> int:
        values = {"of_tenant": tenant_id, "since": kept_since(self._history_days)}
        return await self._write(lambda at: at.execute(_FORGET.text, _FORGET.bind(values)).rowcount)

    async def _write(self, job: Job[T]) -> T:
        if self._writer is None:
            raise unavailable()
        return await self._writer.run(job)

    def _users(self, statement: Statement, tenant_id: UUID, **values: object) -> list[User]:
        rows = self._read(statement, of_tenant=tenant_id, **values)
        return [read_user(tenant_id, row) for row in rows]

    def _read(self, statement: Statement, **values: object) -> list[list[Any]]:
        # Fetching all rows ends the read transaction, so that the next read sees later writes.
        if self._reader is None:
            raise unavailable()
        try:
            rows = self._reader.execute(statement.text, statement.bind(values)).fetchall()
        except UnicodeEncodeError:  # a lone surrogate: no stored text has one
            return []
        except sqlite3.Error as error:
            raise translated(error) from error
        return [statement.read(row) for row in rows]
