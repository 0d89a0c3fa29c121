"""What operators read across tenants, and by which role."""

import asyncio
import subprocess
import sys

import pytest

from profile_infra.stores.across_tenants import OneTenantOnly, TenantCount, find_anybody, tenants
from profile_infra.stores.by_url import check_schema, look, migrate, script
from profile_infra.stores.revisions import SchemaMismatch, UnusableDatabase
from storing import OPERATOR, OTHER_TENANT, TENANT, person, stored


@pytest.fixture
async def everywhere(store, store_url, request):
    """A URL for a role that sees all tenants."""
    return request.getfixturevalue("postgres").admin if "postgres" in store_url else store_url


async def test_tenants_are_listed_with_their_numbers_of_people(store, everywhere):
    assert await asyncio.to_thread(tenants, everywhere) == []
    ada, gone = person(active=False), person(OTHER_TENANT)
    await stored(store, ada, person(), person(OTHER_TENANT), gone)
    await store.delete(OPERATOR, gone)
    assert await asyncio.to_thread(tenants, everywhere) == [
        TenantCount(TENANT, users=2, deactivated=1),
        TenantCount(OTHER_TENANT, users=1, deactivated=0),
    ]


async def test_people_are_found_over_all_tenants(store, everywhere):
    here, there = person(), person(OTHER_TENANT, email="ADA@example.org")
    await stored(store, here, there, person(email="bob@example.org"), person(OTHER_TENANT))
    for asked, found in (
        ("ada@example.org", 2),
        ("ADA@example.org", 3),
        ("Ada@Example.Org", 2),
        ("nobody@example.org", 0),
        (str(there.profile.id), 1),
        (str(OTHER_TENANT), 0),
    ):
        people = await asyncio.to_thread(find_anybody, everywhere, asked)
        assert len(people) == found, asked
    assert people == []
    (again,) = await asyncio.to_thread(find_anybody, everywhere, str(there.profile.id))
    assert again == there


async def test_the_serving_role_is_told_that_it_sees_one_tenant_at_a_time(postgres):
    for url in (postgres.url, postgres.owner):
        with pytest.raises(OneTenantOnly, match=r"one tenant at a time.*BYPASSRLS"):
            await asyncio.to_thread(tenants, url)
        with pytest.raises(OneTenantOnly):
            await asyncio.to_thread(find_anybody, url, "ada@example.org")


@pytest.fixture
async def support(postgres):
    """A URL for a role as docs/operations/people.md makes it."""
    role = f"support_{postgres.serving_role}"
    await postgres.execute(
        f"CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD 's'",
        f"GRANT SELECT ON users TO {role}",
    )
    yield f"postgresql://{role}:s@{postgres.url.partition('@')[2]}"
    await postgres.execute(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


async def test_a_role_that_may_only_read_is_enough(support):
    assert await asyncio.to_thread(tenants, support) == []


async def test_such_a_role_is_told_what_it_can_use_and_not_to_ask_for_rights(support):
    with pytest.raises(UnusableDatabase, match=r"`users find` and `tenants list`") as refused:
        await asyncio.to_thread(check_schema, support)
    assert "--grant-to" not in str(refused.value)
    for as_owner in (migrate, script, look):
        with pytest.raises(UnusableDatabase, match="as the owner of the database"):
            await asyncio.to_thread(as_owner, support)


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
async def test_migrate_grants_nothing_to_a_role_that_bypasses_row_security(
    postgres, support, attribute
):
    role = f"support_{postgres.serving_role}"
    await postgres.execute(f"ALTER ROLE {role} NOBYPASSRLS", f"ALTER ROLE {role} {attribute}")
    for grant in (migrate, script):
        with pytest.raises(UnusableDatabase, match=f"{role} gets no rights, because it bypasses"):
            await asyncio.to_thread(grant, postgres.owner, grant_to=role)
    await postgres.execute(f"ALTER ROLE {role} NOBYPASSRLS NOSUPERUSER")
    assert not await postgres.fetchval("SELECT has_table_privilege($1, 'users', 'UPDATE')", role)


def test_a_store_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UnusableDatabase, match="cannot be opened"):
        tenants(f"sqlite:///{tmp_path}/none.db")


def test_a_store_that_was_not_migrated_is_said(tmp_path):
    (tmp_path / "new.db").touch()
    with pytest.raises(SchemaMismatch, match="profile-service migrate"):
        find_anybody(f"sqlite:///{tmp_path}/new.db", "ada@example.org")


def test_what_serves_does_not_import_it():
    program = "import sys, profile_api.app; sys.exit('profile_infra.stores.across_tenants' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
