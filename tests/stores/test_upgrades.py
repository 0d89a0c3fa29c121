"""A release lives on the schema of a newer one that only added to it, and says so of any other."""

import asyncio
import re
import sqlite3

import pytest

from future import REVISION, FutureRelease
from profile_infra.stores import revisions
from profile_infra.stores.by_url import check_schema, look, migrate, script, store_of
from profile_infra.stores.postgres.schema import FUNCTIONS
from profile_infra.stores.revisions import SchemaMismatch, is_known, migrations, newest
from profile_testing.postgres_database import connected, new_database
from serving import COMMAND, environment
from storing import load, person, rename, stored

pytestmark = pytest.mark.journey

TEXT = "SELECT prosrc FROM pg_proc WHERE proname = 'profile_save'"


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request, tmp_path):
    """The URL that migrates, the URL that serves, and the options of ``migrate``."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/profile.db"
        yield url, url, ()
        return
    async with new_database(request.getfixturevalue("postgres_server_url")) as database:
        yield database.owner, database.url, ("--grant-to", database.serving_role)


@pytest.fixture
def command(tmp_path):
    """Runs the command in a process of its own; gives its status and what it prints."""

    async def run(*arguments, **settings):
        process = await asyncio.create_subprocess_exec(
            COMMAND, *arguments, cwd=tmp_path, env=environment() | settings,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    return run


def migrated(place):
    owner, _, options = place
    return migrate(owner, grant_to=options[-1] if options else None)


async def test_a_release_lives_on_the_schema_of_one_that_only_added(place, tmp_path):
    owner, url, options = place
    await asyncio.to_thread(migrated, place)
    running, ada = store_of(url), person()
    await running.open()
    await stored(running, ada)

    future = FutureRelease(tmp_path)
    output = await asyncio.to_thread(future.migrate, owner, *options)
    assert output == f"Migrated from {newest()} to schema {REVISION}.\n"
    assert await rename(running, ada, display_name="Went on")
    assert await running.missing() is None
    await running.close()

    await asyncio.to_thread(check_schema, url)
    started = store_of(url)
    await started.open()
    assert await started.missing() is None
    assert (await load(started, ada)).display_name == "Went on"
    assert await rename(started, ada, display_name="Came back")
    await started.close()

    before = (await asyncio.to_thread(migrated, place)).revision
    assert before == REVISION, "an older `migrate` leaves a newer schema as it is"
    pending = await asyncio.to_thread(look, owner)
    assert (pending.migrations, pending.functions) == ([], [])
    assert await asyncio.to_thread(script, owner) == ""
    if options:
        async with connected(owner) as connection:
            text = await connection.fetchval(TEXT)
            assert "motto" in text
            assert text not in FUNCTIONS["profile_save"]


async def test_a_release_that_was_left_behind_says_which_could_live_there(place, tmp_path):
    owner, url, options = place
    await asyncio.to_thread(migrated, place)
    running = store_of(url)
    await running.open()
    future = FutureRelease(tmp_path, oldest=REVISION)
    output = await asyncio.to_thread(future.migrate, owner, *options)
    assert REVISION in output
    assert await running.missing() == "migrations"
    await running.close()
    advice = f"no release before {REVISION} can live on it: start the newer one"
    with pytest.raises(SchemaMismatch, match=advice):
        await store_of(url).open()
    for refuse in (lambda: check_schema(url), lambda: migrated(place), lambda: look(owner)):
        with pytest.raises(SchemaMismatch, match=advice):
            await asyncio.to_thread(refuse)


async def test_a_function_that_a_newer_release_took_away_is_missed(postgres_server_url, tmp_path):
    async with new_database(postgres_server_url) as database:
        await database.migrate()
        await database.execute(
            f"UPDATE alembic_version SET version_num = '{REVISION}'",
            "DROP FUNCTION profile_history",
            url=database.owner,
        )
        with pytest.raises(revisions.UnusableDatabase, match="lacks profile_history"):
            await store_of(database.url).open()


def test_each_migration_says_which_releases_can_live_on_it():
    for migration in migrations():
        assert is_known(migration.oldest_release)
        assert migration.oldest_release <= migration.revision
        assert re.fullmatch(r"\d{4}_\w{1,27}", migration.revision), "the column's width is 32"


def test_a_store_of_a_later_release_may_say_more_than_this_one_reads(tmp_path):
    url = f"sqlite:///{tmp_path}/profile.db"
    migrate(url)
    connection = sqlite3.connect(tmp_path / "profile.db")
    connection.execute("ALTER TABLE alembic_version ADD COLUMN more TEXT")
    connection.execute("UPDATE alembic_version SET version_num = '9999_more'")
    connection.commit()
    connection.close()
    check_schema(url)


async def test_check_says_what_migrate_would_do_and_ends_with_3_when_there_is_something(
    place, tmp_path, command
):
    owner, _, options = place
    settings = {"PROFILE_DATABASE_URL": owner}
    status, output = await command("migrate", "--check", **settings)
    assert status == 3
    assert output.startswith("The store is empty; `profile-service migrate` would do this:\n")
    for migration in migrations():
        assert f"  {migration.revision}: {migration.summary}\n" in output
    assert ("install profile_history, profile_load_user, profile_save" in output) is bool(options)
    status, _ = await command("migrate", "--check", **settings)
    assert status == 3, "nothing was done"
    await command("migrate", *options, **settings)
    assert await command("migrate", "--check", **settings) == (
        0, f"The store is at schema {newest()} already.\n",
    )  # fmt: skip

    future = FutureRelease(tmp_path)
    status, output = await command("migrate", "--check", **future.environment(settings))
    assert status == 3
    assert f"The store is at schema {newest()}; `profile-service migrate` would do this" in output
    assert f"  {REVISION}: A motto of each user." in output
    assert ("install profile_save\n" in output) is bool(options)
    assert "The release that serves now can live on it: migrate first, then replace it." in output
    await asyncio.to_thread(future.migrate, owner, *options)
    status, output = await command("migrate", "--check", **settings)
    assert (status, f"at schema {REVISION}, of a newer release" in output) == (0, True)
    assert await command("migrate", *options, **settings) == (0, output)


async def test_check_says_when_what_serves_must_end_first(tmp_path, command):
    settings = {"PROFILE_DATABASE_URL": f"sqlite:///{tmp_path}/profile.db"}
    await command("migrate", **settings)
    future = FutureRelease(tmp_path, oldest=REVISION)
    status, output = await command("migrate", "--check", **future.environment(settings))
    assert status == 3
    assert f"No release before schema {REVISION} can live on it: stop what serves now" in output


async def test_check_of_a_store_that_cannot_be_asked_is_an_error_of_its_own(tmp_path, command):
    (tmp_path / "profile.db").write_bytes(b"no database" * 1000)
    status, output = await command(
        "migrate", "--check", PROFILE_DATABASE_URL=f"sqlite:///{tmp_path}/profile.db"
    )
    assert (status, output) == (1, "")
