"""What an operator names is a file, of a name and a content that can be read; else a sentence says so."""

import json
import os
import sqlite3

import pytest

from command import ISSUERS
from profile_api.settings import SECRET

NO_NAMES = {"a NUL": "keys\0.json", "a lone surrogate": "keys\ud800.json", "many": "k" * 300}


def sentence(said):
    assert said.startswith("profile-service: ")
    assert said.count("\n") == 1
    return said


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_is_read_from_a_regular_file_alone(run, tmp_path, pipe, name):
    assert "Is a directory" in run("settings", ok=False, **{f"{name}_file": str(tmp_path)})
    for odd in (pipe, "/dev/stdin", "/dev/zero", "/dev/null"):
        said = sentence(run("settings", ok=False, **{f"{name}_file": odd}))
        assert f"PROFILE_{name.upper()}_FILE: the file cannot be read: it is not a file" in said


def test_a_secret_is_read_through_links_as_kubernetes_mounts_it(run, tmp_path):
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "issuers").write_text(ISSUERS)
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "issuers").symlink_to("..data/issuers")
    assert "https://idp.example" in run("settings", issuers_file="issuers")


def test_keys_are_read_from_a_regular_file_alone(run, pipe):
    assert "it is not a file" in sentence(run("serve", ok=False, issuers=of_keys_in(pipe)))


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_key_file_that_cannot_be_there_is_said(run, name):
    said = sentence(run("serve", ok=False, issuers=of_keys_in(NO_NAMES[name])))
    assert "cannot be read" in said


@pytest.mark.parametrize("name", ["issuers", "sign_in", "cors_origins"])
@pytest.mark.parametrize("piece", ["[]", ['{"a":', "1}"]], ids=["lists", "objects"])
def test_a_setting_that_is_nested_too_deeply_is_said(run, name, piece):
    opening, closing = piece
    said = run("settings", ok=False, **{name: opening * 5000 + closing * 5000})
    assert sentence(said).startswith(f"profile-service: PROFILE_{name.upper()}")
    assert ", such as " in said


def test_a_store_that_is_no_file_is_said_at_once(run, pipe, tmp_path):
    for odd in (pipe, str(tmp_path)):
        for command in (
            ["migrate"],
            ["migrate", "--check"],
            ["backup", "copy.db"],
            ["tenants", "list"],
        ):
            said = run(*command, ok=False, database_url=f"sqlite:///{odd}")
            assert "cannot be opened: it is not a file" in sentence(said)


def test_a_backup_may_have_any_name_that_the_system_takes(run, tmp_path):
    run("migrate")
    copy = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.db")
    run("backup", copy)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_name_that_the_system_does_not_take_is_said(run, tmp_path):
    run("migrate")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("x" * 300, "loop", "loop/x"):
        for command in (
            ["backup", name],
            ["policies", "test", name],
            ["users", "import", name],
        ):
            run(*command, ok=False)
    sentence(run("policies", "check", "x" * 300, ok=False))


def of_keys_in(path):
    issuer = json.loads(ISSUERS)[0] | {"algorithms": ["RS256"], "jwks_file": path}
    del issuer["secret"]
    return json.dumps([issuer])
