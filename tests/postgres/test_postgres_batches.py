"""Batches of loads and saves on Postgres: each call has its own tenant, result and exception."""

import asyncio
from uuid import UUID, uuid4

import pytest

from profile_domain.caller import Caller, Identity
from profile_domain.errors import Code
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.changes import Author
from profile_infra.stores.postgres.store import CONCURRENT_LOADS, CONCURRENT_SAVES, PostgresProfiles
from profile_infra.stores.records import User
from profile_testing.postgres_database import connected, in_a_hurry
from wire import wire_to

TENANTS = [UUID(int=number, version=4) for number in range(1, 4)]
PICTURE = Avatar.of("image/png", b"\x89PNG" * 1000)


@pytest.fixture
async def people(postgres) -> list[Profile]:
    people = [
        Profile(
            TENANTS[number % len(TENANTS)],
            uuid4(),
            f"p{number}@example.org",
            AuthProvider.LOCAL,
            avatar=PICTURE if number % 2 else None,
        )
        for number in range(24)
    ]
    async with opened(postgres.url) as store:
        await store.apply(Author("", "", "import", "test"), [User(each) for each in people], [])
    return people


class opened:  # noqa: N801  # used as a context manager
    """A store between ``open`` and ``close``."""

    def __init__(self, url: str, **options: object) -> None:
        self._store = PostgresProfiles(url, **options)

    async def __aenter__(self) -> PostgresProfiles:
        await self._store.open()
        return self._store

    async def __aexit__(self, *_: object) -> None:
        await self._store.close()


def load(store: PostgresProfiles, person: Profile, *, with_image: bool = True):
    return store.load(Identity(person.tenant_id, "i", str(person.id)), with_image=with_image)


def rename(store: PostgresProfiles, before: Profile, name: str):
    caller = Caller(Identity(before.tenant_id, "i", str(before.id)), "rest", f"to-{name}")
    return store.save(caller, before, before.with_changes({"display_name": name}))


async def test_many_calls_at_once_share_a_few_round_trips(postgres, people):
    async with wire_to(postgres.url) as (wire, url), opened(url, pool_size=1) as store:
        for turn in range(2):  # in the first one the statements are prepared
            start = wire.trips
            people = await asyncio.gather(*(load(store, each) for each in people))
            loading = wire.trips - start
            start = wire.trips
            assert all(await asyncio.gather(*(rename(store, each, f"{turn}") for each in people)))
            saving = wire.trips - start
    assert loading <= CONCURRENT_LOADS + 1
    assert saving <= CONCURRENT_SAVES + 1


async def test_each_call_of_a_batch_loads_its_own_user(postgres, people):
    ada, stranger = people[0], Identity(TENANTS[1], "i", str(people[0].id))
    async with opened(postgres.url) as store:
        asked = [
            store.load(stranger, with_image=True) if number % 3 == 0 else load(store, each)
            for number, each in enumerate(people)
        ]
        found = await asyncio.gather(*asked)
    assert found == [None if number % 3 == 0 else each for number, each in enumerate(people)]
    assert ada.tenant_id != TENANTS[1]


async def test_of_many_saves_of_one_version_one_succeeds(postgres, people):
    async with opened(postgres.url) as store:
        saves = [rename(store, people[0], f"n{number}") for number in range(20)]
        saves += [rename(store, each, "other") for each in people[1:]]
        won = await asyncio.gather(*saves)
        stored = await load(store, people[0])
        (change,) = await store.history(stored.tenant_id, stored.id, first=9)
    assert sum(won[:20]) == 1
    assert all(won[20:])
    assert stored.display_name == f"n{won.index(True)}"
    assert change.request_id == f"to-{stored.display_name}"


async def test_a_locked_row_delays_no_other_save(postgres, people):
    held, others = people[: 2 * CONCURRENT_SAVES], people[2 * CONCURRENT_SAVES :]
    async with opened(postgres.url) as store, connected(postgres.admin) as other:
        lock = other.transaction()
        await lock.start()
        ids = [each.id for each in held]
        await other.execute("SELECT FROM users WHERE id = ANY($1) FOR UPDATE", ids)
        waiting = [asyncio.create_task(rename(store, each, "waits")) for each in held]
        await asyncio.sleep(0)
        assert all(await asyncio.gather(*(rename(store, each, "passes") for each in others)))
        assert not any(each.done() for each in waiting)
        await lock.rollback()
        assert all(await asyncio.gather(*waiting))


async def test_a_save_that_breaks_a_constraint_breaks_no_other(postgres, people):
    broken, others = people[1], people[2:]
    bad = broken.with_changes({"avatar_base64": None})
    object.__setattr__(bad, "auth_provider", "pigeon")
    async with opened(postgres.url) as store:
        caller = Caller(Identity(broken.tenant_id, "i", str(broken.id)), "rest", "r")
        first = asyncio.create_task(rename(store, people[0], "first"))
        saves = [store.save(caller, broken, bad), *(rename(store, each, "x") for each in others)]
        result = await asyncio.gather(first, *saves, return_exceptions=True)
        assert await load(store, broken) == broken
    assert "auth_provider" in str(result[1])
    assert [result[0], *result[2:]] == [True] * (1 + len(others))


async def test_processes_that_save_the_same_users_at_once_never_deadlock(postgres, people):
    async with opened(postgres.url) as one, opened(postgres.url) as two:
        for turn in range(5):
            now = await asyncio.gather(*(load(one, each) for each in people))
            result = await asyncio.gather(
                *(rename(one, each, f"one {turn}") for each in now),
                *(rename(two, each, f"two {turn}") for each in reversed(now)),
            )
            by_one, by_two = result[: len(now)], result[: len(now) - 1 : -1]
            assert [a ^ b for a, b in zip(by_one, by_two, strict=True)] == [True] * len(now)


async def test_an_outage_fails_all_calls_of_the_batch(postgres, people):
    async with opened(postgres.url) as store, connected(postgres.admin) as other:
        async with other.transaction():
            await other.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            with in_a_hurry(store):
                result = await asyncio.gather(
                    *(load(store, each) for each in people), return_exceptions=True
                )
        assert [each.code for each in result] == [Code.UNAVAILABLE] * len(people)
        assert await asyncio.gather(*(load(store, each) for each in people)) == people
