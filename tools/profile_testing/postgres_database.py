"""A database with three roles: administrator, owner, and the one that serves."""

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from profile_infra.stores.by_url import migrate
from profile_infra.stores.postgres.store import PostgresProfiles

TABLES = ("users", "avatars", "profile_changes")


@dataclass(frozen=True)
class Database:
    """URLs: ``admin`` of a superuser, ``owner`` of the role that migrates, ``url`` of the one that serves."""

    admin: str
    owner: str
    url: str
    serving_role: str

    async def migrate(self) -> str | None:
        """The revision before."""
        before = await asyncio.to_thread(migrate, self.owner, grant_to=self.serving_role)
        return before.revision

    async def empty(self) -> None:
        await self.execute(f"TRUNCATE {', '.join(TABLES)}", url=self.owner)

    async def execute(self, *statements: str, url: str | None = None) -> None:
        async with connected(url or self.admin) as connection:
            for statement in statements:
                await connection.execute(statement)

    async def fetchval(self, query: str, *values: object, url: str | None = None) -> object:
        async with connected(url or self.admin) as connection:
            return await connection.fetchval(query, *values)


@asynccontextmanager
async def connected(url: str):
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=10)


@contextmanager
def in_a_hurry(store: PostgresProfiles):
    """Calls time out after 0.3 s, for those that would wait forever."""
    limited = (store._pool, *store._batchers)
    patience = store._pool.seconds
    for each in limited:
        each.seconds = 0.3
    yield
    for each in limited:
        each.seconds = patience


async def create_database(server_url: str) -> Database:
    """An empty database with roles of its own, on the server of this superuser's URL."""
    mark = uuid4().hex[:12]
    name, owner, serving = f"profile_{mark}", f"owner_{mark}", f"serving_{mark}"
    await Database(server_url, server_url, server_url, serving).execute(
        f"CREATE ROLE {owner} LOGIN PASSWORD '{mark}'",
        f"CREATE ROLE {serving} LOGIN PASSWORD '{mark}'",
        f"CREATE DATABASE {name} OWNER {owner}",
    )
    return Database(
        _url(server_url, name),
        _url(server_url, name, f"{owner}:{mark}"),
        _url(server_url, name, f"{serving}:{mark}"),
        serving,
    )


@asynccontextmanager
async def new_database(server_url: str):
    """The same for a while."""
    database = await create_database(server_url)
    name = urlsplit(database.url).path[1:]
    owner = urlsplit(database.owner).username
    try:
        yield database
    finally:
        await database.execute(
            f"DROP DATABASE {name} WITH (FORCE)",
            f"DROP ROLE {owner}",
            f"DROP ROLE {database.serving_role}",
            url=server_url,
        )


def _url(server_url: str, database: str, role: str | None = None) -> str:
    parts = urlsplit(server_url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{role}@{host}" if role else parts.netloc
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))
