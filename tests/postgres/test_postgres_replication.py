"""A write that waits for its synchronous standby is not cancelled, and nobody sees it before."""

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from profile_domain.caller import Caller, Identity
from profile_domain.errors import Code, DomainError
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.changes import Author
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.records import User
from profile_testing.postgres_database import Database, in_a_hurry, new_database

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
PICTURE = Avatar.of("image/png", b"\x89PNG a picture")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = $1"


@pytest.fixture(scope="module")
async def database(postgres_server):
    async with new_database(postgres_server.url) as database:
        await database.migrate()
        role = f"ALTER ROLE {database.serving_role} SET"
        await database.execute(
            f"{role} statement_timeout = '500ms'",
            f"{role} lock_timeout = '500ms'",
            f"{role} transaction_timeout = '500ms'",
        )
        yield database


@asynccontextmanager
async def standby_gone(database: Database):
    """Every commit waits for a standby that is not there."""
    await _name_standby(database, "ghost")
    try:
        yield
    finally:
        await _name_standby(database, "")


async def _name_standby(database: Database, name: str) -> None:
    await database.execute(
        f"ALTER SYSTEM SET synchronous_standby_names = '{name}'", "SELECT pg_reload_conf()"
    )

    async def is_named() -> bool:
        return await database.fetchval("SHOW synchronous_standby_names") == name

    await until(is_named)


@pytest.fixture
async def store(database: Database):
    store = PostgresProfiles(database.url, pool_size=4)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def ada(store: PostgresProfiles) -> Profile:
    profile = Profile(TENANT, uuid4(), "ada@example.org", AuthProvider.LOCAL)
    await store.apply(Author("", "", "import", "test"), [User(profile)], [])
    return await load(store, profile)


async def load(store: PostgresProfiles, profile: Profile) -> Profile:
    loaded = await store.load(Identity(TENANT, "i", str(profile.id)), with_image=True)
    assert loaded is not None
    return loaded


async def save(store: PostgresProfiles, before: Profile, **changes: object) -> bool:
    caller = Caller(Identity(TENANT, "i", str(before.id)), "rest", "request-1")
    return await store.save(caller, before, before.with_changes(changes))


async def is_unavailable(work) -> bool:
    with pytest.raises(DomainError) as refused:
        await work
    return refused.value.code is Code.UNAVAILABLE


async def waiting(database: Database) -> int:
    return await database.fetchval(WAITING, database.serving_role)


async def until(condition) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110  # Postgres tells nobody
            await asyncio.sleep(0.02)


CHANGES = {"a name": {"display_name": "x"}, "a picture": {"avatar_base64": PICTURE}}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_write_that_waits_is_unavailable_and_seen_by_nobody_until_the_standby_has_it(
    store, ada, database, change
):
    async with standby_gone(database):
        with in_a_hurry(store):
            assert await is_unavailable(save(store, ada, **CHANGES[change]))
            assert await load(store, ada) == ada
            assert await is_unavailable(save(store, ada, **CHANGES[change])), "the same again"
        # Longer than any time limit of the role.
        await asyncio.sleep(1)
        assert await load(store, ada) == ada
        assert await waiting(database) >= 1
    now = {**CHANGES[change]}

    async def is_stored() -> bool:
        return await load(store, ada) == ada.with_changes(now)

    await until(is_stored)


async def test_closing_the_store_does_not_end_the_wait(ada, database):
    store = PostgresProfiles(database.url)
    await store.open()
    async with standby_gone(database):
        with in_a_hurry(store):
            assert await is_unavailable(save(store, ada, display_name="x"))
        await store.close()
        assert await waiting(database) == 1
        other = PostgresProfiles(database.url)
        await other.open()
        assert await load(other, ada) == ada
        await other.close()


async def test_a_write_confirmed_by_a_repeat_is_on_the_standby(store, ada, database):
    """After the wait was cut short by others, the node shows what it alone has."""
    async with standby_gone(database):
        with in_a_hurry(store):
            assert await is_unavailable(save(store, ada, display_name="x"))
            await database.execute(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            )

            async def is_shown() -> bool:
                return (await load(store, ada)).display_name == "x"

            await until(is_shown)
            shown = await load(store, ada)
            assert await is_unavailable(save(store, shown, display_name="x"))
    assert await save(store, shown, display_name="x")
    assert (await load(store, ada)).version == shown.version, "nothing is written"


async def test_writes_that_wait_leave_connections_to_those_who_read(store, ada, database):
    people = [
        Profile(TENANT, uuid4(), f"{number}@example.org", AuthProvider.LOCAL)
        for number in range(12)
    ]
    await store.apply(Author("", "", "import", "test"), [User(each) for each in people], [])
    async with standby_gone(database):
        with in_a_hurry(store):
            saves = [save(store, each, avatar_base64=PICTURE) for each in people]
            saves += [save(store, each, display_name="x") for each in people]
            assert all(await asyncio.gather(*map(is_unavailable, saves)))
        assert await load(store, ada) == ada
