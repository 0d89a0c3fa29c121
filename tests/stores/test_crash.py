"""Killing the process at any moment loses no acknowledged write and corrupts no file."""

import asyncio
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

from profile_domain.caller import Identity
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.by_url import migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_infra.stores.sqlite.file import path_of
from profile_infra.stores.sqlite.store import SqliteProfiles

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
USERS = [UUID(int=number) for number in range(1, 9)]
LIVES = 5

WRITER = """
import asyncio, sys
from profile_domain.caller import Caller, Identity
from profile_domain.pictures.avatar import Avatar
from profile_infra.stores.sqlite.store import SqliteProfiles
from uuid import UUID

async def write(store, number):
    identity = Identity(UUID(sys.argv[2]), "https://i.example", str(UUID(int=number)))
    while True:
        before = await store.load(identity, with_image=False)
        name = str(before.version + 1)
        avatar = Avatar.of("image/png", name.encode() * 1000)
        after = before.with_changes({"display_name": name, "avatar_base64": avatar})
        assert await store.save(Caller(identity, "rest", name), before, after)
        print(number, after.version, flush=True)

async def main():
    store = SqliteProfiles(sys.argv[1])
    sys.stdin.readline()
    await store.open()
    await asyncio.gather(*(write(store, number) for number in range(1, 9)))

asyncio.run(main())
"""


def test_five_kills_lose_no_answered_write(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/profile.db"
    migrate(url)
    asyncio.run(prepare(url))
    lives = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(TENANT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(LIVES)
    ]
    answered = dict.fromkeys(USERS, 1)
    with ExitStack() as all_end:
        for life in lives:
            all_end.enter_context(life)
            all_end.callback(life.kill)
        for life in lives:
            for line in answers_until_killed(life):
                number, version = map(int, line.split())
                assert version > answered[UUID(int=number)]
                answered[UUID(int=number)] = version
            asyncio.run(all_is_there(url, answered))
    assert sum(answered.values()) > len(USERS) + LIVES


def answers_until_killed(life: subprocess.Popen[str]) -> list[str]:
    """The lines that were printed whole, at least one, up to a random moment."""
    assert life.stdin
    assert life.stdout
    life.stdin.write("go\n")
    life.stdin.flush()
    first = life.stdout.readline()
    time.sleep(random.uniform(0, 0.1))
    life.kill()
    rest = life.stdout.read()  # communicate() would lose what readline() has read ahead
    return [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]


async def prepare(url: str) -> None:
    store = SqliteProfiles(url)
    await store.open()
    people = [Profile(TENANT, id_, "a@example.org", AuthProvider.LOCAL) for id_ in USERS]
    await store.apply(Author("", "", "import", "test"), [User(each) for each in people], [])
    await store.close()


async def all_is_there(url: str, answered: dict[UUID, int]) -> None:
    connection = sqlite3.connect(path_of(url))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    store = SqliteProfiles(url)
    await store.open()
    for user, version in answered.items():
        identity = Identity(TENANT, "https://i.example", str(user))
        profile = await store.load(identity, with_image=True)
        assert profile is not None
        assert profile.version >= version
        changes = await store.history(TENANT, user, first=100_000)
        assert [change.new_version for change in changes] == list(range(profile.version, 1, -1))
        name = str(profile.version)
        assert profile.version == 1 or (
            profile.display_name == name
            and profile.avatar == Avatar.of("image/png", name.encode() * 1000)
        )
    await store.close()
