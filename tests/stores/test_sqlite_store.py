"""SQLite only: sharing the file between processes, disk errors, locks."""

import asyncio
import resource
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from profile_domain.caller import Caller, Identity
from profile_domain.errors import Code, DomainError
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.by_url import migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_infra.stores.sqlite import group_commit as sqlite_writer
from profile_infra.stores.sqlite import store as sqlite_store
from profile_infra.stores.sqlite.file import UnusableDatabase, path_of
from profile_infra.stores.sqlite.group_commit import MAX_QUEUED
from profile_infra.stores.sqlite.store import SqliteProfiles

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
IMPORT = Author("", "", "import", "test")
PICTURE = Avatar.of("image/png", bytes(range(256)) * 1024)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate(f"sqlite:///{tmp_path}/profile.db")
    return tmp_path / "profile.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteProfiles]:
    store = SqliteProfiles(f"sqlite:///{path}")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def waits_for_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes: other programs may keep the machine busy."""
    monkeypatch.setattr(sqlite_writer, "LOCK_WAIT", 60)


@pytest.fixture
async def ada(store: SqliteProfiles) -> Profile:
    profile = Profile(TENANT, uuid4(), "ada@example.org", AuthProvider.LOCAL, avatar=PICTURE)
    await store.apply(IMPORT, [User(profile)], [])
    return profile


async def load(store: SqliteProfiles, profile: Profile, *, with_image: bool = False) -> Profile:
    identity = Identity(TENANT, "https://i.example", str(profile.id))
    loaded = await store.load(identity, with_image=with_image)
    assert loaded is not None
    return loaded


async def rename(store: SqliteProfiles, profile: Profile, name: str) -> bool:
    return await change(store, profile, display_name=name)


async def change(store: SqliteProfiles, profile: Profile, **changes: str | Avatar | None) -> bool:
    caller = Caller(Identity(TENANT, "https://i.example", str(profile.id)), "rest", "request-1")
    before = await load(store, profile)
    return await store.save(caller, before, before.with_changes(changes))


def is_unavailable(outcome: object) -> bool:
    return isinstance(outcome, DomainError) and outcome.code is Code.UNAVAILABLE


async def test_a_change_of_name_neither_reads_nor_writes_pictures(store, ada):
    touched: set[str | None] = set()

    def look(action: int, table: str | None, *_: object) -> int:
        touched.add(table)
        return sqlite3.SQLITE_OK

    store._reader.set_authorizer(look)
    await store._write(lambda connection: connection.set_authorizer(look))
    assert await rename(store, ada, "Countess")
    assert {"users", "profile_changes"} <= touched
    assert "avatars" not in touched
    assert (await load(store, ada, with_image=True)).avatar == PICTURE
    assert "avatars" in touched


async def test_a_load_is_one_indexed_statement(store, ada):
    for statement in (sqlite_store._LOAD, sqlite_store._LOAD_WITH_IMAGE):
        values = {"of_tenant": TENANT, "issuer": "i", "or_issuer": "", "subject": "s"}
        plan = store._reader.execute(
            f"EXPLAIN QUERY PLAN {statement.text}", statement.bind(values)
        ).fetchall()
        assert not [step for *_, step in plan if step.startswith("SCAN")]


async def test_reading_goes_on_while_another_process_writes(store, path, ada):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE users SET display_name = 'Dirty', version = 2")
    assert (await load(store, ada)).display_name is None
    other.execute("COMMIT")
    assert (await load(store, ada)).display_name == "Dirty"
    other.close()


async def test_a_write_that_meets_a_lock_too_long_is_unavailable_then_works(
    store, path, ada, monkeypatch
):
    monkeypatch.setattr(sqlite_writer, "LOCK_WAIT", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    outcomes = await asyncio.gather(
        *(rename(store, ada, str(number)) for number in range(3)), return_exceptions=True
    )
    assert all(map(is_unavailable, outcomes))
    assert outcomes[0].retry_after == 1
    other.execute("ROLLBACK")
    other.close()
    assert await rename(store, ada, "Countess")


async def test_a_write_waits_for_a_lock_that_is_soon_free(store, path, ada, waits_for_locks):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    renaming = asyncio.create_task(rename(store, ada, "Countess"))
    await asyncio.sleep(0.02)
    other.execute("ROLLBACK")
    other.close()
    assert await renaming


@pytest.mark.parametrize("room", [0, 100, 50_000, 199_000])
async def test_a_full_disk_is_unavailable_tears_nothing_and_recovers(store, path, ada, room):
    # A limit on the size of files stands for the disk: it stops SQLite in the middle of a commit.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name("profile.db-wal").stat().st_size
    big = Avatar.of("image/png", b"\x89" * 200_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, limits[1]))
    try:
        with pytest.raises(DomainError) as refused:
            await change(store, ada, display_name="Countess", avatar_base64=big)
        assert await load(store, ada, with_image=True) == ada
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert is_unavailable(refused.value)
    assert await store.history(TENANT, ada.id, first=9) == []
    assert await change(store, ada, display_name="Countess", avatar_base64=big)
    after = await load(store, ada, with_image=True)
    assert (after.version, after.display_name, after.avatar) == (2, "Countess", big)
    assert store._reader.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_file_at_its_greatest_size_is_unavailable_and_recovers(store, ada):
    def limit(pages: int) -> object:
        return store._write(
            lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        )

    await limit(1)  # SQLite takes the present size instead
    with pytest.raises(DomainError) as refused:
        await change(store, ada, avatar_base64=Avatar.of("image/png", b"\x89" * 262_144 + b"more"))
    assert is_unavailable(refused.value)
    assert await load(store, ada, with_image=True) == ada
    await limit(1_000_000)
    assert await change(store, ada, avatar_base64=Avatar.of("image/png", b"\x89" * 262_144 + b"x"))


async def test_a_broken_constraint_is_not_taken_for_an_outage(store, ada):
    for statement in (
        "UPDATE users SET auth_provider = 'ldap'",
        "UPDATE users SET avatar_digest = NULL",
        "UPDATE users SET email = NULL",
        "INSERT INTO avatars VALUES ('no', 'body', x'00')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            await store._write(lambda connection, sql=statement: connection.execute(sql))
    assert await load(store, ada, with_image=True) == ada


async def test_more_writes_than_the_queue_holds_are_unavailable_at_once(
    store, path, ada, waits_for_locks
):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = [
        asyncio.create_task(store._write(lambda connection: None)) for _ in range(MAX_QUEUED)
    ]
    await asyncio.sleep(0)
    with pytest.raises(DomainError) as refused:
        await rename(store, ada, "One too many")
    assert is_unavailable(refused.value)
    other.execute("ROLLBACK")
    other.close()
    assert await asyncio.gather(*waiting) == [None] * MAX_QUEUED
    assert await rename(store, ada, "Room again")


async def test_two_stores_on_one_file_see_each_other_and_lose_nothing(
    store, path, ada, waits_for_locks
):
    second = SqliteProfiles(f"sqlite:///{path}")
    await second.open()

    async def saver(mine: SqliteProfiles, number: int) -> int:
        """How many of ten races it won."""
        return sum([await rename(mine, ada, f"{number}.{turn}") for turn in range(10)])

    wins = await asyncio.gather(*(saver((store, second)[n % 2], n) for n in range(8)))
    assert (await load(store, ada)).version == 1 + sum(wins)
    assert await load(second, ada) == await load(store, ada)
    assert len(await second.history(TENANT, ada.id, first=99)) == sum(wins)
    await second.close()


async def test_a_user_who_comes_back_goes_on_counting(store, ada):
    assert await rename(store, ada, "Before")
    await store._write(lambda connection: connection.execute("DELETE FROM users").close())
    assert store._reader.execute("SELECT count(*) FROM avatars").fetchall() == [(0,)]
    await store.apply(IMPORT, [User(ada)], [])
    assert (await load(store, ada)).version == 3
    assert await rename(store, ada, "After")


def test_the_file_is_for_its_owners_eyes_only(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_relative_url_is_a_file_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert path_of("sqlite:///./my profile%20.db") == tmp_path / "my profile%20.db"
    migrate("sqlite:///./my profile%20.db")
    assert (tmp_path / "my profile%20.db").stat().st_size > 0


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file::memory:",
        "sqlite:///./profile.db?mode=ro",
        "sqlite:///a\0b",
        "./profile.db",
        "mysql://host/profile",
        "",
    ],
)
def test_a_url_that_is_no_file_is_refused(url):
    with pytest.raises(UnusableDatabase):
        SqliteProfiles(url)


async def test_a_file_that_is_missing_or_no_database_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Ada, " * 1000)
    for name, advice in {
        "none.db": "migrate",
        "": "it is not a file",
        "n" * 300: "File name too long",
        "letter.txt": "not a database",
    }.items():
        with pytest.raises(UnusableDatabase, match=advice):
            await SqliteProfiles(f"sqlite:///{tmp_path}/{name}").open()
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(UnusableDatabase, match="not a database"):
        migrate(f"sqlite:///{tmp_path}/letter.txt")
    for name in ("no/such/folder.db", "", "n" * 300):
        with pytest.raises(UnusableDatabase, match=r"cannot be (made|opened)"):
            migrate(f"sqlite:///{tmp_path}/{name}")
