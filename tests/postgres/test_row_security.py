"""SQL by the serving role cannot reach another tenant's rows."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from profile_domain.caller import Caller, Identity
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.by_url import check_schema
from profile_infra.stores.changes import Author
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.records import User
from profile_infra.stores.revisions import UnusableDatabase
from profile_testing.postgres_database import TABLES, connected, new_database

TENANT = UUID("00000000-0000-4000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-4000-8000-00000000000b")
PICTURE = Avatar.of("image/png", b"\x89PNG")


@pytest.fixture
async def people(postgres) -> list[Profile]:
    """One in each tenant, with a picture and a change."""
    store = PostgresProfiles(postgres.url)
    await store.open()
    made = []
    for tenant in (TENANT, OTHER_TENANT):
        profile = Profile(tenant, uuid4(), "a@example.org", AuthProvider.LOCAL, avatar=PICTURE)
        await store.apply(Author("", "", "import", "test"), [User(profile)], [])
        caller = Caller(Identity(tenant, "i", str(profile.id)), "rest", "r")
        assert await store.save(caller, profile, profile.with_changes({"display_name": "D"}))
        made.append(profile)
    await store.close()
    return made


@pytest.fixture
async def serving(postgres, people):
    async with connected(postgres.url) as connection:
        yield connection


SETTINGS = {
    "unset": None,
    "empty": "",
    "junk": "junk",
    "sql": "' OR true --",
    "nil": str(UUID(int=0)),
    "a wildcard": "%",
    "two": f"{TENANT},{OTHER_TENANT}",
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("table", TABLES)
async def test_without_a_tenants_setting_no_row_is_seen_or_changed(serving, setting, table):
    async with serving.transaction():
        if SETTINGS[setting] is not None:
            await serving.execute(
                "SELECT set_config('profile.tenant_id', $1, true)", SETTINGS[setting]
            )
        assert await serving.fetchval(f"SELECT count(*) FROM {table}") == 0
        if table != "profile_changes":
            column = {"users": "email", "avatars": "image"}[table]
            assert await serving.execute(f"UPDATE {table} SET {column} = {column}") == "UPDATE 0"
        assert await serving.execute(f"DELETE FROM {table}") == "DELETE 0"


@pytest.mark.parametrize("table", TABLES)
async def test_with_a_tenants_setting_only_its_rows_are_seen(serving, table):
    async with serving.transaction():
        for tenant in (TENANT, str(OTHER_TENANT).upper()):
            await serving.execute("SELECT set_config('profile.tenant_id', $1, true)", str(tenant))
            found = await serving.fetch(f"SELECT tenant_id FROM {table}")
            assert [row["tenant_id"] for row in found] == [UUID(str(tenant))]
    assert await serving.fetchval(f"SELECT count(*) FROM {table}") == 0


ATTACKS = {
    "a row for another tenant": "INSERT INTO avatars VALUES ('{other}', '{user}', '\\x00')",
    "a row moved to another tenant": "UPDATE users SET tenant_id = '{other}'",
    "a change in another's audit trail": (
        "INSERT INTO profile_changes SELECT '{other}', user_id, 9, 8, at, issuer, subject, face,"
        " request_id, fields FROM profile_changes"
    ),
    "row security turned off": "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
    "row security not forced": "ALTER TABLE users NO FORCE ROW LEVEL SECURITY",
    "row security off in the session": "SET LOCAL row_security = off; SELECT * FROM users",
    "the policy dropped": "DROP POLICY of_the_tenant ON users",
    "a policy added": "CREATE POLICY mine ON users USING (true)",
    "a copy of the table": "CREATE TABLE mine AS SELECT * FROM users",
    "the audit trail rewritten": "UPDATE profile_changes SET subject = 'somebody else'",
    "a table emptied": "TRUNCATE profile_changes",
    "the revision changed": "UPDATE alembic_version SET version_num = '9999'",
    "the function replaced": (
        "CREATE OR REPLACE FUNCTION profile_save() RETURNS boolean LANGUAGE sql AS 'SELECT true'"
    ),
    "another role": "SET ROLE {owner}",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_with_a_tenants_setting_is_refused(serving, postgres, people, attack):
    statement = ATTACKS[attack].format(
        other=OTHER_TENANT, user=people[1].id, owner=postgres.owner.split("//")[1].split(":")[0]
    )
    tenant = f"SET LOCAL profile.tenant_id = '{TENANT}'"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await serving.execute(f"BEGIN; {tenant}; {statement}; COMMIT")
    await serving.execute("ROLLBACK")


async def test_the_functions_give_a_tenant_nothing_of_another(serving, people):
    mine, theirs = people
    row = await serving.fetchrow(
        "SELECT (person).id, image FROM profile_load_user($1, 'i', '', $2, true)",
        TENANT,
        str(theirs.id),
    )
    assert row["id"] is None
    saved = await serving.fetchval(
        "SELECT profile_save($1, $2, 2, '', '', '', '', '[]', '{}', '{}', null, null, null, null, null)",
        TENANT,
        theirs.id,
    )
    assert saved is False
    changes = await serving.fetch(
        "SELECT * FROM profile_history($1, $2, 99, '-infinity', 9)", TENANT, theirs.id
    )
    assert changes == []
    assert (
        await serving.fetchrow(
            "SELECT (person).id, image FROM profile_load_user($1, 'i', '', $2, true)",
            TENANT,
            str(mine.id),
        )
    )["image"] == PICTURE.image


async def test_row_security_binds_the_owner_of_the_tables_too(postgres, people):
    for table in TABLES:
        assert await postgres.fetchval(f"SELECT count(*) FROM {table}", url=postgres.owner) == 0
        assert await postgres.fetchval(f"SELECT count(*) FROM {table}") == 2


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
async def test_a_role_that_bypasses_row_security_is_refused(postgres, attribute):
    store = PostgresProfiles(postgres.url)
    await store.open()
    assert await store.missing() is None
    await postgres.execute(f"ALTER ROLE {postgres.serving_role} {attribute}")
    try:
        assert await store.missing() == "row security"
        with pytest.raises(UnusableDatabase, match="bypasses row security"):
            await PostgresProfiles(postgres.url).open()
    finally:
        await postgres.execute(f"ALTER ROLE {postgres.serving_role} NO{attribute}")
        await store.close()


async def test_a_table_without_forced_row_security_is_refused(postgres):
    store = PostgresProfiles(postgres.url)
    await store.open()
    await postgres.execute("ALTER TABLE avatars NO FORCE ROW LEVEL SECURITY")
    try:
        assert await store.missing() == "row security"
        with pytest.raises(UnusableDatabase, match="not forced on avatars"):
            await PostgresProfiles(postgres.url).open()
    finally:
        await postgres.execute("ALTER TABLE avatars FORCE ROW LEVEL SECURITY")
        await store.close()


def test_the_command_refuses_to_serve_as_a_superuser(postgres):
    with pytest.raises(UnusableDatabase, match="bypasses row security"):
        check_schema(postgres.admin)
    check_schema(postgres.url)


async def test_one_role_may_own_and_serve_and_is_bound_all_the_same(postgres_server_url):
    async with new_database(postgres_server_url) as database:
        await database.migrate()
        store = PostgresProfiles(database.owner)
        await store.open()
        ada = Profile(TENANT, uuid4(), "a@example.org", AuthProvider.LOCAL)
        await store.apply(Author("", "", "import", "test"), [User(ada)], [])
        assert len(await store.list_users(TENANT, first=9)) == 1
        assert await store.list_users(OTHER_TENANT, first=9) == []
        await store.close()
