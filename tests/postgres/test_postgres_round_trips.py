"""Round trips to Postgres, counted on the wire: one per load or save, with row security."""

from uuid import UUID, uuid4

import pytest

from profile_domain.caller import Caller, Identity
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.changes import Author
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.records import User
from wire import wire_to

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
PICTURE_TO_BE = Avatar.of("image/gif", b"GIF8" * 50_000)
PICTURE = Avatar.of("image/png", b"\x89PNG" * 50_000)


@pytest.fixture
async def ada(postgres) -> Profile:
    profile = Profile(TENANT, uuid4(), "ada@example.org", AuthProvider.LOCAL, avatar=PICTURE)
    store = PostgresProfiles(postgres.url)
    await store.open()
    await store.apply(Author("", "", "import", "test"), [User(profile)], [])
    await store.close()
    return profile


async def update(store: PostgresProfiles, profile: Profile, **changes: object) -> Profile:
    """What the service does for one update."""
    identity = Identity(TENANT, "https://i.example", str(profile.id))
    before = await store.load(identity, with_image=False)
    after = before.with_changes(changes)
    assert await store.save(Caller(identity, "rest", "request-1"), before, after)
    return after


CHANGES = {
    "a name": {"display_name": "Countess"},
    "a picture": {"avatar_base64": Avatar.of("image/webp", b"RIFF" * 50_000)},
    "everything": {"first_name": "A", "last_name": "L", "display_name": "C", "avatar_base64": None},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_an_update_is_two_round_trips_and_a_read_is_one(postgres, ada, change):
    async with wire_to(postgres.url) as (wire, url):
        store = PostgresProfiles(url, pool_size=1)
        await store.open()
        # The first time prepares the statements on this connection.
        await update(store, ada, last_name="Love", avatar_base64=PICTURE_TO_BE)
        await update(store, ada, last_name="Lovelace")
        identity = Identity(TENANT, "https://i.example", str(ada.id))
        await store.history(TENANT, ada.id, first=9)
        counted = []
        for work in (
            update(store, ada, **CHANGES[change]),
            store.load(identity, with_image=True),
            store.load(identity, with_image=False),
            store.history(TENANT, ada.id, first=9),
        ):
            before = wire.trips
            await work
            counted.append(wire.trips - before)
        await store.close()
    assert counted == [2, 1, 1, 1]


async def test_without_prepared_statements_none_stays_on_the_server(postgres, ada):
    async with wire_to(postgres.url) as (wire, url):
        store = PostgresProfiles(url, pool_size=1, prepared=False)
        await store.open()
        before = wire.trips
        for name in ("One", "Two"):
            await update(store, ada, display_name=name)
        assert wire.trips - before == 8
        left = await store._pool.read(
            lambda connection: connection.fetchval("SELECT count(*) FROM pg_prepared_statements")
        )
        await store.close()
    assert left == 0


async def test_a_call_leaves_nothing_of_itself_in_the_session(postgres, ada):
    """What PgBouncer asks for in transaction mode: the next call may be another client's."""
    store = PostgresProfiles(postgres.url, pool_size=1)
    await store.open()
    await update(store, ada, display_name="Countess")
    await store.users_of(TENANT, [ada.id])
    for asked in ("current_setting('profile.tenant_id', true)", "count(*) FROM users"):
        found = await store._pool.read(
            lambda connection, asked=asked: connection.fetchval(f"SELECT {asked}")
        )
        assert not found
    await store.close()
