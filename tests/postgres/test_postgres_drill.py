"""Two processes and many writers on one Postgres: no lost update, also when it is killed."""

import asyncio
import random
import time
from contextlib import asynccontextmanager
from itertools import count
from uuid import UUID, uuid4

import httpx2
import pytest

from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.audit import AuditEntry
from profile_infra.stores.changes import Author
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.records import User
from profile_testing.postgres_database import Database, new_database
from profile_testing.signing import claims, token
from running import ME
from serving import serving

pytestmark = pytest.mark.journey

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
KILLS = 5
WRITERS = 32


@pytest.fixture(scope="module")
async def database(postgres_server):
    async with new_database(postgres_server.url) as database:
        await database.migrate()
        yield database


@pytest.fixture(scope="module")
def addresses(database: Database):
    with serving(database.url, 2) as addresses:
        yield addresses


@asynccontextmanager
async def opened(database: Database):
    store = PostgresProfiles(database.url)
    await store.open()
    yield store
    await store.close()


async def people(database: Database, number: int) -> list[UUID]:
    profiles = [
        Profile(TENANT, uuid4(), "a@example.org", AuthProvider.LOCAL) for _ in range(number)
    ]
    async with opened(database) as store:
        await store.apply(Author("", "", "import", "test"), [User(each) for each in profiles], [])
    return [profile.id for profile in profiles]


async def history(database: Database, user: UUID) -> list[AuditEntry]:
    """Oldest first; the versions have no gap."""
    async with opened(database) as store:
        changes = (await store.history(TENANT, user, first=100_000))[::-1]
    assert [change.new_version for change in changes] == list(range(2, len(changes) + 2))
    return changes


class Writer:
    """Writes one field of one user by one process, over and over; keeps what was answered."""

    def __init__(self, address: str, user: UUID, field: str, *, conditional: bool) -> None:
        self.user, self.field, self.conditional = user, field, conditional
        self.answered: dict[int, str] = {}
        self.refused: list[tuple[int, str]] = []
        self.slowest = 0.0
        signed = token(claims(sub=str(user), tenant_id=str(TENANT)))
        self.headers = {"Authorization": f"Bearer {signed}", "X-Tenant-ID": str(TENANT)}
        self.client = httpx2.AsyncClient(base_url=address, headers=self.headers, timeout=60)

    async def write(self, value: str) -> None:
        started = time.monotonic()
        headers = {}
        if self.conditional:
            read = await self.client.get(ME)
            if read.status_code != 200:
                self._note_refusal(read)
                return
            headers["If-Match"] = read.headers["ETag"]
        answer = await self.client.put(ME, json={self.field: value}, headers=headers)
        self.slowest = max(self.slowest, time.monotonic() - started)
        if answer.status_code == 200:
            assert answer.json()[self.field] == value
            self.answered[int(answer.headers["ETag"].strip('"').rpartition("-")[2])] = value
        else:
            self._note_refusal(answer)

    def _note_refusal(self, answer: httpx2.Response) -> None:
        self.refused.append((answer.status_code, answer.json()["code"]))
        assert answer.status_code != 503 or answer.headers["Retry-After"] == "1"


async def test_with_if_match_no_update_is_lost_between_processes(database, addresses):
    (user,) = await people(database, 1)
    writers = [Writer(addresses[n % 2], user, "display_name", conditional=True) for n in range(8)]
    await asyncio.gather(
        *(each_writes(writer, number, times=15) for number, writer in enumerate(writers))
    )
    answered = {version: value for writer in writers for version, value in writer.answered.items()}
    assert len(answered) == sum(len(writer.answered) for writer in writers)
    changes = await history(database, user)
    assert {change.new_version: change.new_values["display_name"] for change in changes} == answered
    assert {refusal for writer in writers for refusal in writer.refused} <= {
        (412, "precondition_failed")
    }


async def test_without_if_match_the_last_write_wins_field_by_field(database, addresses):
    (user,) = await people(database, 1)
    fields = ("first_name", "last_name", "display_name")
    writers = [Writer(addresses[n % 2], user, fields[n % 3], conditional=False) for n in range(6)]
    await asyncio.gather(
        *(each_writes(writer, number, times=15) for number, writer in enumerate(writers))
    )
    now: dict[str, object] = dict.fromkeys(fields)
    for change in await history(database, user):
        ((field, value),) = change.new_values.items()
        assert change.old_values == {field: now[field]}
        now[field] = value
    for writer in writers:
        assert set(writer.refused) <= {(409, "conflict")}
        assert writer.answered


async def each_writes(writer: Writer, number: int, *, times: int) -> None:
    for turn in range(times):
        await writer.write(f"{number}.{turn}")
    await writer.client.aclose()


async def test_five_kills_of_postgres_lose_no_answered_write(database, addresses, postgres_server):
    users = await people(database, WRITERS // 2)
    writers = [
        Writer(addresses[n % 2], users[n // 2], "display_name", conditional=n % 4 < 2)
        for n in range(WRITERS)
    ]
    over = asyncio.Event()

    async def write_until_over(number: int, writer: Writer) -> None:
        for turn in count():
            if over.is_set():
                break
            await writer.write(f"{number}.{turn}")
        await writer.client.aclose()

    writing = [asyncio.create_task(write_until_over(n, writer)) for n, writer in enumerate(writers)]
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0.2, 0.5))
        await asyncio.to_thread(postgres_server.kill)
        await asyncio.sleep(random.uniform(0, 0.2))
        await asyncio.to_thread(postgres_server.start)
    before = sum(len(writer.answered) for writer in writers)
    async with asyncio.timeout(20):  # to recover in
        while sum(len(writer.answered) for writer in writers) == before:  # noqa: ASYNC110  # they only count
            await asyncio.sleep(0.05)
    over.set()
    await asyncio.gather(*writing)
    for user in users:
        kept = {
            each.new_version: each.new_values["display_name"]
            for each in await history(database, user)
        }
        for writer in writers:
            if writer.user == user:
                assert writer.answered.items() <= kept.items()
    refused = {refusal for writer in writers for refusal in writer.refused}
    assert (503, "unavailable") in refused
    assert refused <= {(503, "unavailable"), (412, "precondition_failed"), (409, "conflict")}
    assert max(writer.slowest for writer in writers) < 10
    print(  # noqa: T201  # pytest -s shows it
        f"{KILLS} kills, {WRITERS} writers: {sum(len(each.answered) for each in writers)} answered,"
        f" {sum(len(each.refused) for each in writers)} refused,"
        f" slowest {max(each.slowest for each in writers):.2f} s"
    )
