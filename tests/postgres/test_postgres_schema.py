"""The migrations on Postgres create the declared tables, atomically and once, as printed."""

import asyncio
import sys

import pytest
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.schema import CreateIndex, CreateTable

from profile_infra.stores.by_url import check_schema, migrate, script
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.revisions import (
    EMPTY,
    SchemaMismatch,
    UnusableDatabase,
    is_known,
    newest,
    upgrade_script,
)
from profile_infra.stores.tables import Row
from profile_testing.postgres_database import Database, connected, new_database

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity
FROM information_schema.columns
WHERE table_schema = $1 AND table_name <> 'alembic_version'
ORDER BY table_name, column_name
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = $1::text::regnamespace AND contype <> 'n'
  AND conrelid::regclass::text NOT LIKE '%alembic_version'
ORDER BY conname
"""
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = $1 AND tablename <> 'alembic_version' ORDER BY indexname
"""


@pytest.fixture
async def empty_database(postgres_server_url):
    async with new_database(postgres_server_url) as database:
        yield database


async def there(database: Database, schema: str) -> str:
    """All of a schema's columns, constraints and indexes, without the schema's name."""
    async with connected(database.owner) as connection:
        await connection.execute(f"SET search_path = {schema}")
        found = [await connection.fetch(asked, schema) for asked in (COLUMNS, CONSTRAINTS, INDEXES)]
    return "\n".join(str(tuple(row)) for rows in found for row in rows).replace(f"{schema}.", "")


async def test_the_migrations_make_exactly_what_the_tables_declare(empty_database):
    assert await empty_database.migrate() is None
    declared = [
        str(CreateTable(each).compile(dialect=asyncpg.dialect()))
        for each in Row.metadata.sorted_tables
    ]
    declared += [
        str(CreateIndex(index).compile(dialect=asyncpg.dialect()))
        for table in Row.metadata.sorted_tables
        for index in table.indexes
    ]
    await empty_database.execute(
        "CREATE SCHEMA declared", "SET search_path = declared", url=empty_database.owner
    )
    async with connected(empty_database.owner) as connection:
        await connection.execute("SET search_path = declared")
        for statement in declared:
            await connection.execute(statement)
    assert await there(empty_database, "public") == await there(empty_database, "declared")


async def test_migrating_again_changes_nothing(empty_database):
    await empty_database.migrate()
    before = await there(empty_database, "public")
    assert await empty_database.migrate() == newest()
    assert await there(empty_database, "public") == before


async def test_five_processes_that_migrate_at_once_all_succeed(empty_database):
    program = (
        "import sys; from profile_infra.stores.by_url import migrate as m;"
        "print(m(sys.argv[1]).revision)"
    )
    command = (sys.executable, "-c", program, empty_database.owner)
    migrating = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        for _ in range(5)
    ]
    result = [(await each.communicate())[0].decode().strip() for each in migrating]
    assert [each.returncode for each in migrating] == [0] * 5
    assert sorted(result) == sorted(["None", *[newest()] * 4])


async def test_the_printed_script_is_what_migrate_runs(empty_database):
    grant_to = empty_database.serving_role
    printed = await asyncio.to_thread(script, empty_database.owner, grant_to=grant_to)
    assert printed.startswith("BEGIN;")
    assert f'TO "{grant_to}"' in printed
    with pytest.raises(SchemaMismatch, match="not there yet"):
        await asyncio.to_thread(check_schema, empty_database.url)
    await empty_database.execute(printed, url=empty_database.owner)
    await asyncio.to_thread(check_schema, empty_database.url)
    assert await asyncio.to_thread(script, empty_database.owner) == ""


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database):
    await empty_database.execute("CREATE TABLE avatars (of_another int)", url=empty_database.owner)
    with pytest.raises(UnusableDatabase, match=r'relation "avatars" already exists'):
        await empty_database.migrate()
    assert await empty_database.fetchval("SELECT to_regclass('users')") is None
    assert await empty_database.fetchval("SELECT to_regclass('alembic_version')") is None


@pytest.mark.parametrize(
    ("revision", "advice", "while_serving"),
    [
        ("0001_profiles", "this program needs .*Run `profile-service migrate`", "migrations"),
        ("9999_future", "no release before 9998_other can live on it", "migrations"),
    ],
)
async def test_a_schema_that_this_release_cannot_live_on_is_refused_by_name(
    empty_database, revision, advice, while_serving
):
    await empty_database.migrate()
    store = PostgresProfiles(empty_database.url)
    await store.open()
    assert await store.missing() is None
    oldest = "" if is_known(revision) else ", oldest_release = '9998_other'"
    await empty_database.execute(f"UPDATE alembic_version SET version_num = '{revision}'{oldest}")
    assert await store.missing() == while_serving
    await store.close()
    with pytest.raises(SchemaMismatch, match=f"{revision}.*{advice}"):
        await store.open()
    with pytest.raises(SchemaMismatch, match=advice):
        await asyncio.to_thread(check_schema, empty_database.url)


async def test_a_newer_schema_is_not_migrated(empty_database):
    await empty_database.migrate()
    await empty_database.execute(
        "UPDATE alembic_version SET version_num = '9999_future', oldest_release = NULL"
    )
    with pytest.raises(SchemaMismatch, match="9999_future"):
        await empty_database.migrate()


async def test_an_older_schema_is_brought_up_from_where_it_is(empty_database):
    first = upgrade_script(EMPTY, "postgresql").partition("-- Running upgrade 0001_profiles")[0]
    await empty_database.execute(first, url=empty_database.owner)
    assert await empty_database.migrate() == "0001_profiles"
    await asyncio.to_thread(check_schema, empty_database.url)


async def test_a_picture_is_kept_as_it_is_out_of_line(postgres):
    storage = "SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'avatars'::regclass AND attname = 'image'"
    assert await postgres.fetchval(storage) == "e"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://127.0.0.1:1/profile",
        "postgresql://no-such-host.invalid/profile",
        "postgresql://127.0.0.1:notaport/profile",
        "postgresql://[::1/profile",
        "postgresql://127.0.0.1/profile?sslmode=strange",
    ],
)
def test_an_unreachable_database_is_reported_in_a_sentence(url):
    for refuse in (migrate, script, check_schema):
        with pytest.raises(UnusableDatabase, match="The database cannot be used"):
            refuse(url)
    with pytest.raises(UnusableDatabase, match="The database cannot be used"):
        asyncio.run(PostgresProfiles(url).open())


async def test_a_wrong_password_is_reported_without_it(postgres):
    wrong = postgres.url.replace("@", "x@").replace("postgresql://", "postgresql://nobody")
    with pytest.raises(UnusableDatabase) as refused:
        await PostgresProfiles(wrong).open()
    password = wrong.partition("@")[0].rpartition(":")[2]
    assert password not in str(refused.value)
