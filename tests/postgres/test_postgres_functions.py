"""The SQL functions name all columns, are identical everywhere, and change by a migration."""

import re
from hashlib import sha256
from pathlib import Path
from typing import get_type_hints

import pytest

from profile_infra.stores import revisions
from profile_infra.stores.postgres.schema import FUNCTIONS
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.postgres.writes import SAVE_TYPES, Save
from profile_infra.stores.revisions import UnusableDatabase, newest
from profile_infra.stores.tables import CHANGES, USERS
from profile_testing.postgres_database import connected, new_database
from storing import TENANT, load, person, rename, stored

NEVER_SAVED = {"tenant_id", "id", "created_at"}
PARAMETERS = """
SELECT parameter_name::text, data_type::text FROM information_schema.parameters
WHERE specific_name LIKE 'profile_save_%' ORDER BY ordinal_position
"""


@pytest.fixture
async def fresh_database(postgres_server_url):
    async with new_database(postgres_server_url) as database:
        await database.migrate()
        yield database


def test_a_save_sets_every_column_of_a_user_that_can_change():
    body = FUNCTIONS["profile_save"]
    setting = body[body.index("UPDATE users u SET") : body.index("WHERE u.tenant_id")]
    columns = re.findall(r"^      (\w+) = ", setting, re.MULTILINE)
    assert sorted(columns) == sorted({column.name for column in USERS.c} - NEVER_SAVED)


def test_a_save_writes_every_column_of_the_audit_entry():
    (listed,) = re.findall(
        r"INSERT INTO profile_changes \(([^)]*)\)", FUNCTIONS["profile_save"], re.DOTALL
    )
    assert sorted(re.split(r",\s*", listed.strip())) == sorted(CHANGES.c.keys())


async def test_a_save_is_called_with_the_parameters_it_has(postgres):
    hints = get_type_hints(Save)
    async with connected(postgres.owner) as connection:
        there = await connection.fetch(PARAMETERS)
    assert [tuple(row) for row in there] == [
        (name, SAVE_TYPES[hints[name]]) for name in Save._fields
    ]


def test_a_function_that_was_changed_comes_with_a_migration():
    versions = Path(revisions.__file__).with_name("migrations") / "versions"
    texts = [path.read_text() for path in sorted(versions.glob("v*.py"))]
    result = [
        found[0]
        for text in texts
        if (found := re.findall('^FUNCTIONS = "(.*)"', text, re.MULTILINE))
    ]
    text = sha256("".join(FUNCTIONS[name] for name in sorted(FUNCTIONS)).encode()).hexdigest()
    assert result[-1] == text[:16], f'say FUNCTIONS = "{text[:16]}" in a new migration'


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    "harm",
    [
        "DROP FUNCTION {name}",
        "{other}",
        "CREATE FUNCTION {name}() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    ],
    ids=["gone", "of another text", "there twice"],
)
async def test_a_function_that_is_not_this_programs_is_refused_at_start(fresh_database, name, harm):
    other = FUNCTIONS[name].replace("BEGIN", "BEGIN -- of another release", 1)
    await fresh_database.execute(harm.format(name=name, other=other), url=fresh_database.owner)
    store = PostgresProfiles(fresh_database.url)
    with pytest.raises(UnusableDatabase, match=rf"lacks {name} .*`profile-service migrate`"):
        await store.open()


async def test_migrate_brings_back_the_functions_of_a_database_at_this_schema(fresh_database):
    other = FUNCTIONS["profile_save"].replace("BEGIN", "BEGIN -- of another release", 1)
    await fresh_database.execute(other, "DROP FUNCTION profile_history", url=fresh_database.owner)
    assert await fresh_database.migrate() == newest()
    store = PostgresProfiles(fresh_database.url)
    await store.open()
    assert await store.missing() is None
    await store.close()


async def test_a_column_that_a_later_release_adds_disturbs_nobody_who_is_serving(fresh_database):
    store = PostgresProfiles(fresh_database.url, pool_size=1)
    await store.open()
    ada = person()
    await stored(store, ada)
    for with_image in (False, True):
        await load(store, ada, with_image=with_image)
    assert await rename(store, ada, display_name="Before")
    later = FUNCTIONS["profile_save"].replace("  version = from", "  motto = 'x', version = from")
    await fresh_database.execute(
        "ALTER TABLE users ADD COLUMN motto text", later, url=fresh_database.owner
    )
    assert await rename(store, ada, display_name="After")
    for with_image in (False, True):
        assert (await load(store, ada, with_image=with_image)).display_name == "After"
    changes = await store.history(TENANT, ada.profile.id, first=9)
    assert [change.new_version for change in changes] == [3, 2]
    await store.close()
