"""Privileges, backup and restore work as docs/operations says."""

import asyncio
import shutil
import subprocess
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from profile_domain.caller import Identity
from profile_domain.pictures.avatar import Avatar
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.by_url import check_schema, migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.records import User
from profile_testing.postgres_database import TABLES, connected, new_database

TENANT = UUID("00000000-0000-4000-8000-00000000000a")


@pytest.fixture(scope="module")
async def database(postgres_server):
    async with new_database(postgres_server.url) as database:
        await database.migrate()
        yield database


async def stored(url: str) -> Profile:
    picture = Avatar.of("image/png", bytes(range(256)))
    ada = Profile(TENANT, uuid4(), "a@example.org", AuthProvider.LOCAL, avatar=picture)
    store = PostgresProfiles(url)
    await store.open()
    await store.apply(Author("", "", "import", "test"), [User(ada)], [])
    await store.close()
    return ada


async def loaded(url: str, user: Profile) -> Profile | None:
    store = PostgresProfiles(url)
    await store.open()
    found = await store.load(Identity(TENANT, "i", str(user.id)), with_image=True)
    await store.close()
    return found


async def test_a_backup_restored_into_another_database_is_whole_and_guarded(
    postgres_server, database
):
    ada = await stored(database.url)
    dump = postgres_server.data.parent / "data" / f"{uuid4().hex}.dump"
    postgres_server.run("pg_dump", "--format=custom", f"--file={dump}", database.admin)
    async with new_database(postgres_server.url) as other:
        postgres_server.run("pg_restore", "--exit-on-error", f"--dbname={other.admin}", dump)
        serving = other.admin.replace("postgres@", database.url.split("//")[1].split("@")[0] + "@")
        await asyncio.to_thread(check_schema, serving)
        assert await loaded(serving, ada) == ada
        for table in TABLES:
            assert await other.fetchval(f"SELECT count(*) FROM {table}", url=serving) == 0


def test_the_owner_alone_cannot_make_a_backup_that_lacks_rows(postgres_server, database):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        postgres_server.run("pg_dump", "--file=/dev/null", database.owner)
    assert b"row-level security" in refused.value.stderr


@pytest.fixture
def run_roles(postgres_server, repository):
    """Runs roles.sql as documented; what it has made is dropped afterwards."""
    roles = postgres_server.folder / "roles.sql"
    shutil.copy(repository / "deploy" / "roles.sql", roles)
    databases = ["profile"]

    def run(*, database: str | None = None, **passwords: str) -> None:
        named = ["-v", f"database={database}"] if database else []
        databases.extend([database] if database else [])
        postgres_server.run("psql", "-q", *named, "-f", roles, postgres_server.url, **passwords)

    yield run
    drops = [f"DROP DATABASE IF EXISTS {each}" for each in databases]
    for drop in (*drops, "DROP ROLE IF EXISTS profile_owner, profile_service"):
        postgres_server.run("psql", "-q", postgres_server.url, "-c", drop)


PASSWORDS = {"POSTGRES_OWNER_PASSWORD": "o'wn", "POSTGRES_SERVICE_PASSWORD": "serve"}


def url_of(server_url: str, role: str, database: str = "profile") -> str:
    return f"postgresql://{role}@127.0.0.1:{urlsplit(server_url).port}/{database}"


async def test_the_roles_as_documented_migrate_and_serve(postgres_server, run_roles):
    run_roles(**PASSWORDS)
    owner = url_of(postgres_server.url, "profile_owner:o%27wn")
    serving = url_of(postgres_server.url, "profile_service:serve")
    await asyncio.to_thread(migrate, owner, grant_to="profile_service")
    await asyncio.to_thread(check_schema, serving)
    ada = await stored(serving)
    assert await loaded(serving, ada) == ada
    async with connected(serving) as connection:
        assert await connection.fetchval("SHOW statement_timeout") == "4s"


async def test_the_roles_may_be_made_again_with_other_passwords(postgres_server, run_roles):
    run_roles(**PASSWORDS)
    before = "SELECT rolpassword FROM pg_authid WHERE rolname = 'profile_service'"
    async with connected(postgres_server.url) as connection:
        first = await connection.fetchval(before)
        run_roles(**PASSWORDS | {"POSTGRES_SERVICE_PASSWORD": "another"})
        assert first != await connection.fetchval(before)


@pytest.mark.parametrize("given", [{}, PASSWORDS | {"POSTGRES_OWNER_PASSWORD": ""}])
def test_no_role_is_made_without_a_password(run_roles, given):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run_roles(**given)
    assert b"Set POSTGRES_OWNER_PASSWORD and POSTGRES_SERVICE_PASSWORD" in refused.value.stderr


async def test_a_restored_database_is_closed_to_others_again(postgres_server, run_roles):
    run_roles(**PASSWORDS)
    await asyncio.to_thread(
        migrate, url_of(postgres_server.url, "profile_owner"), grant_to="profile_service"
    )
    dump = postgres_server.data / f"{uuid4().hex}.dump"
    source, restored = (
        url_of(postgres_server.url, "postgres", name) for name in ("profile", "profile_restored")
    )
    postgres_server.run("pg_dump", "--format=custom", f"--file={dump}", source)
    run_roles(database="profile_restored", **PASSWORDS)
    postgres_server.run("pg_restore", "--exit-on-error", f"--dbname={restored}", dump)
    serving = url_of(postgres_server.url, "profile_service", "profile_restored")
    await asyncio.to_thread(check_schema, serving)
    granted = "SELECT count(*) FROM aclexplode(datacl) WHERE grantee = 0"
    async with connected(source) as connection:
        rights = f"SELECT ({granted}) FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL"
        for name in ("profile", "profile_restored"):
            assert await connection.fetchval(rights, name) == 0
