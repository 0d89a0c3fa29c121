"""The stores of a run, ours and the bare program's: filled, and asked what they have taken."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg
from world import TENANT, World

from profile_api.cli.store import opened
from profile_api.settings import Settings
from profile_infra.stores.by_url import migrate
from profile_infra.stores.changes import Author
from profile_testing.postgres_database import Database, new_database
from profile_testing.postgres_server import PostgresServer

# Each number is how many writes the store has taken: by the versions, and by the trail.
_OURS = "SELECT sum(version) - count(*), (SELECT count(*) FROM profile_changes) FROM users"
_BARE = "SELECT sum(version) - count(*) FROM bare"
_BARE_TABLE = (
    "CREATE TABLE bare (tenant_id text, id text, email text, display_name text, image {bytes},"
    " version bigint, PRIMARY KEY (tenant_id, id))"
)


@dataclass(frozen=True)
class Store:
    """``url`` is the server's; ``asked`` is where ``count`` may see every row."""

    url: str
    asked: str
    count: str

    def writes(self) -> int:
        """How many writes it has taken, once it takes no more. Ends the run if it disagrees."""
        before, same = -1, 0
        for _ in range(400):
            numbers = self._numbers()
            if len(set(numbers)) > 1:
                sys.exit(f"{self.count}: {numbers}: versions and audit trail do not agree")
            same = same + 1 if numbers[0] == before else 0
            if same == 3:
                return before
            before = numbers[0]
            time.sleep(0.05)
        sys.exit("the store goes on taking writes that nobody sends")

    def _numbers(self) -> list[int]:
        if self.asked.startswith("postgresql:"):
            return [int(number) for number in asyncio.run(_row(self.asked, self.count))]
        db = sqlite3.connect(self.asked)
        try:
            return list(db.execute(self.count).fetchone())
        finally:
            db.close()


@contextmanager
def sqlite_stores(world: World) -> Iterator[tuple[Store, Store]]:
    """Ours and the bare program's."""
    ours, bare = world.folder / "ours.db", world.folder / "bare.db"
    url = f"sqlite:///{ours}"
    migrate(url)
    fill(world, url)
    with sqlite3.connect(bare) as db:
        db.execute(_BARE_TABLE.format(bytes="blob"))
        db.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?)", _bare_rows(world))
    db.close()
    yield our_store(url, str(ours)), Store(str(bare), str(bare), _BARE)


@contextmanager
def postgres_stores(world: World) -> Iterator[tuple[Store, Store]]:
    """Ours, served by a role that row security holds, and the bare program's."""
    with postgres_server() as server, database(server) as filled:
        yield filled_stores(world, filled)


def filled_stores(world: World, filled: Database) -> tuple[Store, Store]:
    """Both in one database."""
    fill(world, filled.url)
    asyncio.run(_fill_bare(world, filled.admin))
    return our_store(filled.url, filled.admin), Store(filled.admin, filled.admin, _BARE)


def our_store(url: str, asked: str) -> Store:
    return Store(url, asked, _OURS)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A Postgres with its own defaults: what is committed is on disk."""
    server = PostgresServer(
        fsync="on", shared_buffers="128MB", max_connections="100", max_wal_size="1GB"
    )
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def database(server: PostgresServer, *, migrated: bool = True) -> Iterator[Database]:
    """Without users."""
    with asyncio.Runner() as runner:
        databases = new_database(server.url)
        made = runner.run(databases.__aenter__())
        try:
            if migrated:
                runner.run(made.migrate())
            yield made
        finally:
            runner.run(databases.__aexit__(None, None, None))


async def _row(url: str, query: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetchrow(query))
    finally:
        await connection.close()


def fill(world: World, url: str) -> None:
    asyncio.run(_fill(world, url))


async def _fill(world: World, url: str) -> None:
    settings = Settings(_env_file=None, database_url=url)
    async with opened(settings) as store:
        await store.apply(Author("", "", "bench", "bench"), world.users, [])


async def _fill_bare(world: World, url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_BARE_TABLE.format(bytes="bytea"))
    await connection.executemany(
        "INSERT INTO bare VALUES ($1, $2, $3, $4, $5, $6)", _bare_rows(world)
    )
    await connection.close()


def _bare_rows(world: World) -> list[tuple[str, str, str, None, bytes | None, int]]:
    profiles = [user.profile for user in world.users]
    return [
        (str(TENANT), str(each.id), each.email, None, each.avatar.image if each.avatar else None, 1)
        for each in profiles
    ]
