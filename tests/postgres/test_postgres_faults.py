"""Postgres stopped, slow, full or read-only: ``unavailable`` in time, correct results, recovery."""

import asyncio
import signal
import time
from collections.abc import Awaitable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from profile_domain.caller import Caller, Identity
from profile_domain.errors import Code, DomainError
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.changes import Author
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.records import User
from profile_testing.postgres_database import Database, connected, in_a_hurry, new_database
from running import ME_QUERY, UPDATE, running
from wire import wire_to

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
PATIENCE = 60  # seconds for what must happen, however busy the machine is


@pytest.fixture(scope="module")
async def database(postgres_server):
    """On the server that a test may stop; it is running again after each test."""
    async with new_database(postgres_server.url) as database:
        await database.migrate()
        yield database


@pytest.fixture
async def store(database: Database):
    store = PostgresProfiles(database.url, pool_size=2)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def ada(store: PostgresProfiles) -> Profile:
    profile = Profile(TENANT, uuid4(), "ada@example.org", AuthProvider.LOCAL)
    await store.apply(Author("", "", "import", "test"), [User(profile)], [])
    return profile


async def load(store: PostgresProfiles, profile: Profile) -> Profile:
    loaded = await store.load(Identity(TENANT, "i", str(profile.id)), with_image=True)
    assert loaded is not None
    return loaded


async def rename(store: PostgresProfiles, before: Profile, name: str) -> bool:
    caller = Caller(Identity(TENANT, "i", str(before.id)), "rest", "request-1")
    return await store.save(caller, before, before.with_changes({"display_name": name}))


async def changes_of(store: PostgresProfiles, profile: Profile) -> list[int]:
    return [change.new_version for change in await store.history(TENANT, profile.id, first=9)]


@asynccontextmanager
async def unavailable_in_time():
    started = time.monotonic()
    with pytest.raises(DomainError) as refused:
        yield
    assert (refused.value.code, refused.value.retry_after) == (Code.UNAVAILABLE, 1)
    assert time.monotonic() - started < 10, "the contract's time"


async def test_a_stopped_server_is_unavailable_and_works_again_once_it_is_back(
    store, ada, postgres_server
):
    postgres_server.stop()
    try:
        async with unavailable_in_time():
            await load(store, ada)
        async with unavailable_in_time():
            await rename(store, ada, "Countess")
        assert await store.missing() == "store"
    finally:
        postgres_server.start()
    assert await store.missing() is None
    assert await load(store, ada) == ada
    assert await rename(store, ada, "Countess")


async def test_a_killed_server_loses_no_answered_write(store, ada, postgres_server):
    assert await rename(store, ada, "Before")
    postgres_server.kill()
    try:
        async with unavailable_in_time():
            await load(store, ada)
    finally:
        postgres_server.start()
    assert (await load(store, ada)).display_name == "Before"


async def test_a_server_that_hangs_is_unavailable_in_time(store, ada, postgres_server):
    async def is_refused(call: Awaitable[object]) -> None:
        async with unavailable_in_time():
            await call

    postgres_server.signal(signal.SIGSTOP)
    try:
        with in_a_hurry(store):
            await is_refused(load(store, ada))
            renames = [is_refused(rename(store, ada, str(number))) for number in range(5)]
            await asyncio.gather(*renames)  # on new connections, too
    finally:
        postgres_server.signal(signal.SIGCONT)
    assert await asyncio.wait_for(until_it_works(store, ada), PATIENCE)


async def until_it_works(store: PostgresProfiles, profile: Profile) -> Profile:
    while True:
        try:
            return await load(store, profile)
        except DomainError:
            await asyncio.sleep(0.05)


async def test_terminated_backends_are_replaced(store, ada, database):
    calls = [load(store, ada) for _ in range(4)]
    terminate = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    outcomes, _ = await asyncio.gather(
        asyncio.gather(*calls, return_exceptions=True), database.execute(terminate)
    )
    for outcome in outcomes:
        assert outcome == ada or outcome.code is Code.UNAVAILABLE
    assert await until_it_works(store, ada) == ada


async def test_an_exhausted_pool_is_unavailable_in_time_and_recovers(store, ada):
    begun, over = asyncio.Semaphore(0), asyncio.Event()

    async def hold(_connection) -> None:
        begun.release()
        await over.wait()

    held = [asyncio.create_task(store._pool.read(hold)) for _ in range(2)]
    await begun.acquire(), await begun.acquire()
    with in_a_hurry(store):
        async with unavailable_in_time():
            await load(store, ada)
    over.set()
    await asyncio.gather(*held)
    assert await load(store, ada) == ada


async def test_a_save_that_waits_too_long_for_a_lock_is_ended_by_postgres_and_does_not_happen(
    store, ada, database
):
    async with connected(database.admin) as other, other.transaction():
        await other.execute("SELECT FROM users WHERE id = $1 FOR UPDATE", ada.id)
        async with unavailable_in_time():
            await rename(store, ada, "Too late")
    assert await load(store, ada) == ada
    assert await changes_of(store, ada) == []


async def test_a_save_whose_answer_is_lost_is_neither_confirmed_nor_repeated(database, ada):
    async with wire_to(database.url) as (wire, url):
        store = PostgresProfiles(url, pool_size=1)
        await store.open()
        assert await rename(store, ada, "First")
        first = await load(store, ada)
        wire.swallow = True
        asked = wire.trips
        async with unavailable_in_time():
            await rename(store, first, "Second")
        assert wire.trips == asked + 1
        wire.swallow = False
        # It happened; the version tells, and refuses a second time.
        assert (await load(store, ada)).display_name == "Second"
        assert not await rename(store, first, "Second")
        assert await changes_of(store, ada) == [3, 2]
        await store.close()


async def test_after_a_failover_to_a_read_only_node_reads_go_on_and_writes_are_unavailable(
    store, ada, database
):
    read_only = f"ALTER ROLE {database.serving_role} SET default_transaction_read_only = "
    await database.execute(read_only + "on")
    store._pool.expire()
    try:
        assert await load(store, ada) == ada
        async with unavailable_in_time():
            await rename(store, ada, "Countess")
        assert await load(store, ada) == ada
    finally:
        await database.execute(read_only + "off")
    async with unavailable_in_time():  # this connection had gone to the old node already
        await rename(store, ada, "Countess")
    assert await rename(store, ada, "Countess")


REFUSALS = {
    "too many connections": ("ROLE {role} CONNECTION LIMIT 0", "ROLE {role} CONNECTION LIMIT -1"),
    "a role that may not log in": ("ROLE {role} NOLOGIN", "ROLE {role} LOGIN"),
    "a database closed for maintenance": (
        "DATABASE {name} ALLOW_CONNECTIONS false",
        "DATABASE {name} ALLOW_CONNECTIONS true",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_server_that_refuses_connections_is_unavailable(
    store, ada, database, postgres_server, refusal
):
    name = database.url.rpartition("/")[2]
    refuse, admit = (
        "ALTER " + each.format(role=database.serving_role, name=name) for each in REFUSALS[refusal]
    )
    store._pool.expire()
    await database.execute(refuse, url=postgres_server.url)
    try:
        async with unavailable_in_time():
            await load(store, ada)
    finally:
        await database.execute(admit, url=postgres_server.url)
    assert await load(store, ada) == ada


async def test_a_statement_cancelled_by_its_time_limit_is_unavailable(store, ada, database):
    role = f"ALTER ROLE {database.serving_role}"
    await database.execute(f"{role} SET statement_timeout = '300ms'")
    store._pool.expire()
    try:
        async with connected(database.admin) as other, other.transaction():
            await other.execute("SELECT FROM users WHERE id = $1 FOR UPDATE", ada.id)
            async with unavailable_in_time():
                await rename(store, ada, "Too late")
    finally:
        await database.execute(f"{role} RESET statement_timeout")


async def test_a_race_lost_under_repeatable_read_is_a_race_lost(database, ada):
    role = f"ALTER ROLE {database.serving_role}"
    await database.execute(f"{role} SET default_transaction_isolation = 'repeatable read'")
    store = PostgresProfiles(database.url)
    await store.open()
    try:
        won = await asyncio.gather(*(rename(store, ada, str(number)) for number in range(20)))
    finally:
        await database.execute(f"{role} RESET default_transaction_isolation")
        await store.close()
    assert sum(won) == 1


async def test_a_defect_is_not_taken_for_an_outage(store, ada, database):
    await database.execute("REVOKE INSERT ON profile_changes FROM " + database.serving_role)
    try:
        with pytest.raises(Exception, match="permission denied"):
            await rename(store, ada, "Countess")
    finally:
        await database.execute("GRANT INSERT ON profile_changes TO " + database.serving_role)
    assert await load(store, ada) == ada


async def test_both_faces_answer_an_outage_in_the_contracts_shape(
    tmp_path, database, postgres_server
):
    async with running(tmp_path, database_url=database.url) as service:
        user = await service.person(first_name="Ada")
        assert (await service.put(user, {"display_name": "Before"})).status_code == 200
        postgres_server.stop()
        try:
            answers = [
                await service.get(user),
                await service.put(user, {"display_name": "Never"}),
                await service.client.get("/readyz"),
            ]
            result = [
                await service.graphql(user, ME_QUERY),
                await service.graphql(user, UPDATE, {"input": {"displayName": "Never"}}),
            ]
            assert (await service.client.get("/healthz")).status_code == 200
        finally:
            postgres_server.start()
        for answer in answers:
            assert answer.status_code == 503
            assert answer.json()["code"] == "unavailable"
            assert answer.headers["Retry-After"] == "1"
        assert answers[2].json()["details"] == {"not_ready": ["store"], "retry_after": 1}
        for answer in result:
            assert answer.status_code == 200
            assert answer.json()["errors"][0]["extensions"]["code"] == "unavailable"
            assert answer.headers["Retry-After"] == "1"
        assert (await service.get(user)).json()["display_name"] == "Before"
        assert (await service.client.get("/readyz")).status_code == 200
