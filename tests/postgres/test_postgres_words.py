"""What an operator reads when Postgres refuses, and whether the service calls itself ready."""

import asyncio

import asyncpg
import pytest

from command import ISSUERS
from profile_domain.errors import Code, DomainError
from profile_infra.stores.by_url import check_schema, migrate, script
from profile_infra.stores.postgres.failures import explained
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.revisions import UnusableDatabase
from profile_testing.postgres_database import Database, new_database
from storing import person, stored, token_of


@pytest.fixture
async def database(postgres_server):
    async with new_database(postgres_server.url) as database:
        await database.migrate()
        yield database


@pytest.fixture
async def store(database: Database):
    store = PostgresProfiles(database.url, pool_size=2)
    await store.open()
    yield store
    await store.close()


LACKING = {
    "reading users": "SELECT ON users",
    "changing users": "UPDATE ON users",
    "reading pictures": "SELECT ON avatars",
    "replacing pictures": "INSERT ON avatars",
    "reading the audit trail": "SELECT ON profile_changes",
    "writing the audit trail": "INSERT ON profile_changes",
    "reading the schema's revision": "SELECT ON alembic_version",
    "calling a function": "EXECUTE ON FUNCTION profile_save",
}


@pytest.mark.parametrize("right", LACKING)
async def test_a_role_without_a_right_that_requests_need_is_not_ready(store, database, right):
    role = database.serving_role
    await database.execute("REVOKE EXECUTE ON FUNCTION profile_save FROM PUBLIC")
    assert await store.missing() is None
    await database.execute(f"REVOKE {LACKING[right]} FROM {role}")
    assert await store.missing() == "rights"
    with pytest.raises(UnusableDatabase, match=r"lacks .*run `profile-service migrate --grant-to"):
        await asyncio.to_thread(check_schema, database.url)
    await database.execute(f"GRANT {LACKING[right]} TO {role}")
    assert await store.missing() is None


async def test_a_role_with_nothing_but_the_revision_cannot_serve(postgres_server):
    async with new_database(postgres_server.url) as database:
        await asyncio.to_thread(migrate, database.owner)
        await database.execute(f"GRANT SELECT ON alembic_version TO {database.serving_role}")
        with pytest.raises(UnusableDatabase, match="lacks SELECT on users, UPDATE on users, "):
            await PostgresProfiles(database.url).open()


async def test_a_function_that_fails_is_not_ready(store, database):
    broken = "CREATE OR REPLACE FUNCTION profile_load_user(uuid, text, text, text, boolean, OUT person users, OUT image bytea) LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$"
    await database.execute(
        "DROP FUNCTION profile_load_user", broken, url=database.owner
    )  # its parameters are named otherwise
    assert await store.missing() == "store"


async def test_the_role_that_serves_may_not_migrate(postgres_server):
    async with new_database(postgres_server.url) as database:
        with pytest.raises(UnusableDatabase, match="as the owner of the database, profile_owner"):
            await asyncio.to_thread(migrate, database.url)


async def test_a_statement_that_a_pooler_lost_is_an_outage_that_says_what_to_set(
    store, database, caplog
):
    ada = person()
    await stored(store, ada)
    await store.load(token_of(ada), with_image=False)

    async def lose(connection) -> None:
        await connection.execute("DEALLOCATE ALL")

    await store._pool.read(lose)
    with pytest.raises(DomainError) as refused:
        await store.load(token_of(ada), with_image=False)
    assert refused.value.code is Code.UNAVAILABLE
    assert "PROFILE_PREPARED_STATEMENTS=false" in caplog.text


WRONG = {
    "database": ("/profile_", "/no_profile_", "no such database; deploy/roles.sql makes it"),
    "role": ("//serving_", "//nobody_", "does not exist, may not log in, or has no line"),
    "parameter": ("?", "?connect_timeout=2&", "does not know a parameter of the URL"),
}


@pytest.mark.parametrize("wrong", ["database", "role", "parameter"])
async def test_what_is_wrong_in_the_url_is_said_in_plain_words(database, wrong):
    right, instead, words = WRONG[wrong]
    url = f"{database.url}?sslmode=disable".replace(right, instead)
    for refuse in (migrate, script, check_schema):
        with pytest.raises(UnusableDatabase, match=words):
            await asyncio.to_thread(refuse, url)
    with pytest.raises(UnusableDatabase, match=words):
        await PostgresProfiles(url).open()


async def test_a_role_that_may_not_connect_is_told_who_lets_it(database):
    name = database.url.rpartition("/")[2]
    await database.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    with pytest.raises(UnusableDatabase, match=r"deploy/roles\.sql lets it connect"):
        await asyncio.to_thread(check_schema, database.url)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (asyncpg.InvalidPasswordError("for user x"), "the role's password is wrong"),
        (asyncpg.DuplicatePreparedStatementError("__asyncpg_1"), "PgBouncer"),
        (asyncpg.TooManyConnectionsError("sorry"), "PROFILE_DATABASE_CONNECTIONS"),
        (asyncpg.TargetServerAttributeNotMatched("none"), "target_session_attrs"),
        (ValueError("invalid literal for int(): 'secret'"), "percent-encode"),
    ],
)
def test_a_refusal_says_what_to_do_and_quotes_nothing(error, words):
    assert words in explained(error)
    assert str(error) not in explained(error)


UNREADABLE = {
    "postgresql://role:pa#ss@db/profile": "percent-encode",
    "postgresql://role:pa/ss@db/profile": "percent-encode",
    "mysql://role:pass@db/profile": "write it as sqlite",
    "postgresql+asyncpg://role:pass@db/profile": "write it as sqlite",
}


@pytest.mark.parametrize("url", UNREADABLE)
def test_a_url_that_cannot_be_meant_stops_the_start_without_being_quoted(run, url):
    said = run("serve", ok=False, database_url=url, issuers=ISSUERS)
    assert UNREADABLE[url] in said
    assert "pa" not in said.partition("PROFILE_DATABASE_URL")[2].replace("password", "")


def test_rights_are_not_granted_where_there_are_no_roles(run):
    for options in ([], ["--sql"]):
        said = run("migrate", "--grant-to", "profile_service", *options, ok=False)
        assert "--grant-to is for Postgres" in said
