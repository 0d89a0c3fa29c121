"""The migrations on SQLite create the declared tables, atomically and once."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.schema import CreateTable

from profile_infra.stores import revisions
from profile_infra.stores.by_url import SchemaMismatch, check_schema, migrate, newest
from profile_infra.stores.revisions import EMPTY, UnusableDatabase
from profile_infra.stores.sqlite.store import SqliteProfiles
from profile_infra.stores.tables import Row

pytestmark = pytest.mark.journey


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/profile.db"


def declared(path: Path) -> dict[str, list[str]]:
    """Each table and index in the file, in pieces; a column that came later stands behind others."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    found = {name: sorted(" ".join(sql.split()).split(", ")) for name, sql in rows.fetchall()}
    connection.close()
    return {name: sql for name, sql in found.items() if name != "alembic_version"}


def set_revision(path: Path, revision: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(
        "UPDATE alembic_version SET version_num = ?, oldest_release = NULL", [revision]
    )
    connection.commit()
    connection.close()


def test_the_migrations_make_exactly_what_the_tables_declare(url, tmp_path):
    assert migrate(url) == EMPTY
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Row.metadata) == []
    engine.dispose()
    fresh = create_engine(f"sqlite:///{tmp_path}/fresh.db")
    Row.metadata.create_all(fresh)
    fresh.dispose()
    assert declared(tmp_path / "profile.db") == declared(tmp_path / "fresh.db")


def test_migrating_again_changes_nothing(url, tmp_path):
    migrate(url)
    before = (tmp_path / "profile.db").read_bytes()
    assert migrate(url).revision == newest()
    assert (tmp_path / "profile.db").read_bytes() == before


@pytest.mark.parametrize("state", ["new", "older", "unswitched"])
def test_commands_that_start_at_the_same_moment_on_one_file_all_succeed(state, port, tmp_path):
    """Two `migrate`, a `users import` and a `serve`, ten times; see the program's own words."""
    program = Path(__file__).parents[1] / "support/starting_together.py"
    done = subprocess.run(
        [sys.executable, program, "10", state, str(port), tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


async def test_a_file_without_a_schema_is_refused_by_name(url, tmp_path):
    (tmp_path / "profile.db").touch()
    advice = f"{newest()}.*`profile-service migrate`"
    with pytest.raises(SchemaMismatch, match=advice):
        check_schema(url)
    with pytest.raises(SchemaMismatch, match=advice):
        await SqliteProfiles(url).open()


async def test_a_schema_of_another_version_is_refused_by_name(url, tmp_path):
    migrate(url)
    store = SqliteProfiles(url)
    await store.open()
    set_revision(tmp_path / "profile.db", "9999_future")
    assert await store.missing() == "migrations"
    await store.close()
    for refuse in (check_schema, migrate):
        with pytest.raises(SchemaMismatch) as refused:
            refuse(url)
        assert (refused.value.found, refused.value.needed) == ("9999_future", newest())
        assert "`profile-service migrate`" in str(refused.value)
    with pytest.raises(SchemaMismatch):
        await store.open()


def test_a_migration_that_fails_leaves_nothing_behind(url, tmp_path):
    connection = sqlite3.connect(tmp_path / "profile.db")
    connection.execute("CREATE TABLE avatars (of_another_program)")
    connection.close()
    with pytest.raises(UnusableDatabase, match="avatars already exists"):
        migrate(url)
    assert list(declared(tmp_path / "profile.db")) == ["avatars"]


def test_the_tables_serve_postgres_too():
    dialect = asyncpg.dialect()
    tables = "".join(
        str(CreateTable(table).compile(dialect=dialect)) for table in Row.metadata.sorted_tables
    )
    for type_ in ("UUID", "JSONB", "BYTEA", "BIGINT", "TIMESTAMP WITH TIME ZONE", "BOOLEAN"):
        assert type_ in tables


def test_the_revisions_are_named_by_their_files_as_alembic_finds_them():
    script = ScriptDirectory(str(Path(revisions.__file__).with_name("migrations")))
    found = [each.revision for each in script.walk_revisions()]
    assert revisions.newest() == script.get_current_head() == found[0]
    assert all(revisions.is_known(each) for each in found)
