"""Many users at once, written past the service, straight into its tables."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Table
from world import TENANT

from profile_infra.stores.by_url import migrate
from profile_infra.stores.sqlite.writes import DRIVER
from profile_infra.stores.statements import Statement, insert
from profile_infra.stores.tables import AVATARS, CHANGES, USERS
from profile_testing.postgres_database import Database

_AT = datetime(2026, 1, 1, tzinfo=UTC)
Values = dict[str, Any]


@dataclass(frozen=True)
class Bulk:
    """``users`` people, of whom the ``active`` first have a picture and a history."""

    users: int
    active: int
    image: bytes
    history: int

    def ids(self) -> list[UUID]:
        """In no order, so that the active ones are all over the tables."""
        numbers = Random(self.users)
        return [UUID(int=numbers.getrandbits(128), version=4) for _ in range(self.users)]

    def rows(self) -> Iterator[tuple[Table, Iterator[Values]]]:
        ids = self.ids()
        some = ids[: self.active]
        yield USERS, (self._user(each, number) for number, each in enumerate(ids))
        yield CHANGES, (self._change(each, at) for each in some for at in range(self.history))
        yield (
            AVATARS,
            (
                {"tenant_id": TENANT, "user_id": each, "image": self.image}
                for each in some
                if self.image
            ),
        )

    def _user(self, user_id: UUID, number: int) -> Values:
        active = number < self.active
        pictured = active and self.image
        return {
            "tenant_id": TENANT, "id": user_id, "email": f"p{number}@example.com",
            "auth_provider": "local", "issuer": "", "subject": str(user_id),
            "first_name": f"P{number}", "last_name": None, "display_name": None,
            "version": 1 + self.history * active, "active": True,
            "avatar_type": "image/png" if pictured else None,
            "avatar_digest": sha256(self.image).digest() if pictured else None,
            "created_at": _AT, "updated_at": _AT, "claims_issued_at": None,
        }  # fmt: skip

    def _change(self, user_id: UUID, number: int) -> Values:
        return {
            "tenant_id": TENANT, "user_id": user_id, "new_version": number + 2,
            "old_version": number + 1, "at": _AT, "issuer": "", "subject": str(user_id),
            "face": "rest", "request_id": "bulk", "fields": ["display_name"],
            "old_values": {"display_name": f"n{number}"},
            "new_values": {"display_name": f"n{number + 1}"},
            "old_avatar": None, "new_avatar": None,
        }  # fmt: skip


def fill_sqlite(file: Path, bulk: Bulk) -> str:
    """The URL of a new store."""
    url = f"sqlite:///{file}"
    migrate(url)
    db = sqlite3.connect(file)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("PRAGMA cache_size=-400000")
    with db:
        for table, rows in bulk.rows():
            statement = Statement(insert(table.name, table.c.keys()), DRIVER)
            db.executemany(statement.text, (statement.bind(values) for values in rows))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return url


def fill_postgres(database: Database, bulk: Bulk) -> str:
    """The URL to serve from."""
    asyncio.run(_copy(database.admin, bulk))
    return database.url


async def _copy(url: str, bulk: Bulk) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, rows in bulk.rows():
            columns = [column.name for column in table.columns]
            keys = [column.key for column in table.columns]
            records = ([_plain(values[key]) for key in keys] for values in rows)
            await connection.copy_records_to_table(table.name, records=records, columns=columns)
        # What would else be done while it is measured.
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _plain(value: Any) -> Any:
    """As COPY takes it: JSON is text."""
    return json.dumps(value) if isinstance(value, dict | list) else value
