"""A copy of a SQLite store, made while it serves, is one moment of it."""

import asyncio
import os
import sqlite3
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from profile_domain.pictures.avatar import Avatar
from profile_infra.stores.by_url import backup, migrate, newest, store_of
from profile_infra.stores.revisions import UnusableDatabase
from storing import OPERATOR, PICTURE, TENANT, caller_of, load, person, rename, stored


@pytest.fixture
async def source(tmp_path):
    url = f"sqlite:///{tmp_path}/profile.db"
    migrate(url)
    store = store_of(url)
    await store.open()
    yield store, url
    await store.close()


async def test_a_copy_made_under_writes_is_whole_and_of_one_moment(source, tmp_path):
    store, url = source
    people = [person(display_name="0", avatar=PICTURE) for _ in range(4)]
    await stored(store, *people)
    ended = False

    async def write(user):
        number = 0
        while not ended:
            number += 1
            before = await load(store, user)
            picture = Avatar.of("image/png", str(number).encode() * 9000)
            after = before.with_changes({"display_name": str(number), "avatar_base64": picture})
            assert await store.save(caller_of(user), before, after)

    writers = [asyncio.create_task(write(user)) for user in people]
    for number in range(5):
        before = [(await load(store, user)).version for user in people]
        copy = tmp_path / f"copy-{number}.db"
        assert await asyncio.to_thread(backup, url, copy) == newest()
        after = [(await load(store, user)).version for user in people]
        with sqlite3.connect(copy) as connection:
            rows = connection.execute(
                "SELECT u.id, version, display_name, avatar_digest, image, "
                "(SELECT count(*) FROM profile_changes c WHERE c.user_id = u.id)"
                " FROM users u JOIN avatars a ON a.user_id = u.id"
            ).fetchall()
        assert len(rows) == 4
        found = {user_id: version for user_id, version, *_ in rows}
        for user, least, most in zip(people, before, after, strict=True):
            assert least <= found[user.profile.id.hex] <= most
        for _, version, name, digest, image, changes in rows:
            assert (name, changes) == (str(version - 1), version - 1)
            assert sha256(image).digest() == digest
    ended = True
    await asyncio.gather(*writers)
    assert after > before


async def test_a_copy_is_for_its_owner_alone_and_leaves_nothing_beside_it(source, tmp_path):
    _, url = source
    folder = tmp_path / "backups"
    folder.mkdir()
    old = os.umask(0)
    try:
        await asyncio.to_thread(backup, url, folder / "a.db")
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / "a.db").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["a.db"]


async def test_what_was_deleted_is_not_in_the_copy(source, tmp_path):
    store, url = source
    user = person(first_name="Zebulon-Quagmire")
    await stored(store, user)
    assert await rename(store, user, first_name="Zebulon-Quagmire-the-second")
    (found,) = (await store.users_of(TENANT, [user.profile.id])).values()
    await store.delete(OPERATOR, found)
    await asyncio.to_thread(backup, url, tmp_path / "copy.db")
    assert b"Zebulon" not in (tmp_path / "copy.db").read_bytes()


async def test_an_existing_file_is_kept_unless_told(source, tmp_path):
    store, url = source
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    with pytest.raises(UnusableDatabase, match="exists: give another name"):
        await asyncio.to_thread(backup, url, copy)
    assert copy.read_text() == "mine"
    await stored(store, person())
    await asyncio.to_thread(backup, url, copy, overwrite=True)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (1,)
    with pytest.raises(UnusableDatabase, match="is the store itself"):
        await asyncio.to_thread(backup, url, tmp_path / "profile.db", overwrite=True)


async def test_what_cannot_be_copied_is_told_and_leaves_nothing(source, tmp_path):
    _, url = source
    with pytest.raises(UnusableDatabase, match="no-folder"):
        await asyncio.to_thread(backup, url, tmp_path / "no-folder" / "copy.db")
    with pytest.raises(UnusableDatabase, match="cannot be opened"):
        await asyncio.to_thread(backup, f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(UnusableDatabase, match="holds no store"):
        await asyncio.to_thread(backup, f"sqlite:///{empty}", tmp_path / "copy.db")
    assert not [path for path in tmp_path.iterdir() if "copy" in path.name]


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
async def test_nothing_of_the_store_itself_is_replaced(source, tmp_path, end):
    _, url = source
    own = Path(url.removeprefix("sqlite:///"))
    with pytest.raises(UnusableDatabase, match="is the store itself, or belongs to it"):
        await asyncio.to_thread(backup, url, own.with_name(own.name + end), overwrite=True)


async def test_only_a_file_is_replaced(source, tmp_path):
    _, url = source
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UnusableDatabase, match="is not a file"):
        await asyncio.to_thread(backup, url, pipe, overwrite=True)
    assert pipe.is_fifo()


def test_postgres_is_told_to_use_its_own_tools(tmp_path):
    with pytest.raises(UnusableDatabase, match=r"pg_dump.*docs/operations/backup\.md"):
        backup("postgresql://profile@localhost/profile", tmp_path / "copy.db")
