"""What `settings` prints is read again by a shell and from a .env file, with the same result."""

import itertools
import json
import subprocess

import pytest
from dotenv import dotenv_values

from command import ISSUERS
from profile_api.settings import Settings
from profile_api.variables import quoted

# Characters with a meaning for a shell, for python-dotenv, or for JSON.
SPECIAL = ["'", '"', "\\", "$", "`", " ", "\n", "#", "=", "!", "*", "~", "é", "a", "\t", ";", "&", "{", "}"]  # fmt: skip

KEYS = 'it\'s $HOME \\\\ ${HOME} "`id`"\nkeys.json'
SAID = {
    "cors_origins": '["https://app.example", "https://o\'clock.example"]',
    "rate_limit": "off",
    "policy_dir": 'a folder/with #signs, $HOME, `id`,\n"quotes" and \\n',
    "history_days": "7",
    "database_url": "sqlite:////var/lib/it's/pro file/a&b;c \"d\" \\\\ e\\.db",
    "issuers": json.dumps(
        [{"issuer": "https://i.example", "audience": "a", "algorithms": ["RS256"], "jwks_file": KEYS}]
    ),
}  # fmt: skip


def sourced(text, folder):
    """The PROFILE_ variables that a shell has after it has read the text."""
    (folder / "env.sh").write_text(text)
    line = "set -a; . ./env.sh; exec env -0"
    env = subprocess.run(["sh", "-euc", line], cwd=folder, env={}, capture_output=True, check=True)
    assert not env.stderr
    pairs = [each.partition("=") for each in env.stdout.decode().split("\0")]
    return {
        name.removeprefix("PROFILE_").lower(): value
        for name, _, value in pairs
        if name.startswith("PROFILE_")
    }


@pytest.mark.parametrize("said", [{}, SAID])
def test_a_dotenv_file_with_it_gives_the_same(run, tmp_path, said):
    output = run("settings", **said)
    (tmp_path / ".env").write_text(output)
    assert run("settings") == output
    if said:
        assert str(Settings().policy_dir) == said["policy_dir"]
        assert Settings().database_url == said["database_url"]
        assert str(Settings().issuers[0].jwks_file) == KEYS


@pytest.mark.parametrize("said", [{}, SAID])
def test_a_shell_that_reads_it_gives_the_same(run, tmp_path, said):
    output = run("settings", **said)
    pasted = sourced(output, tmp_path)
    assert pasted.keys() == Settings.model_fields.keys()
    assert run("settings", **pasted) == output
    if said:
        assert json.loads(pasted["issuers"])[0]["jwks_file"] == KEYS
        assert json.loads(pasted["cors_origins"]) == json.loads(said["cors_origins"])
        for name in ("policy_dir", "database_url", "rate_limit", "history_days"):
            assert pasted[name] == said[name]


def test_a_secret_is_neither_sourced_nor_pasted(run, tmp_path):
    said = {"issuers": ISSUERS, "database_url": "postgresql://me:hunter2@db/profile"}
    output = run("settings", **said)
    assert "hunter2" not in output
    assert {"issuers", "database_url"}.isdisjoint(sourced(output, tmp_path))
    (tmp_path / ".env").write_text(output)
    assert run("settings", **said) == output


def test_what_a_dotenv_file_cannot_hold_is_said_and_still_right_for_a_shell(run, tmp_path):
    for folder in ("it's $HOME", "${HOME}", "a\rb", "`it's`", "it\\'s $"):
        output = run("settings", policy_dir=folder)
        assert "# No .env file can hold this value; a shell can.\nPROFILE_POLICY_DIR=" in output
        assert sourced(output, tmp_path)["policy_dir"] == folder


def test_every_text_that_is_quoted_is_read_as_it_was_by_both(tmp_path):
    texts = [*SPECIAL, *map("".join, itertools.product(SPECIAL, repeat=2))]
    texts += map("".join, itertools.product("'\"\\$`n", repeat=3))
    written = {f"X{number}": (text, quoted(text)) for number, text in enumerate(texts)}
    held = {name: (text, form) for name, (text, form) in written.items() if form is not None}
    assert len(held) > 0.6 * len(texts)
    path = tmp_path / "env"
    path.write_bytes("".join(f"{name}={form}\n" for name, (_, form) in held.items()).encode())
    expected = {name: text for name, (text, _) in held.items()}
    assert dotenv_values(path) == expected
    line = f"set -a; . {path}; exec env -0"
    env = subprocess.run(["sh", "-euc", line], env={}, capture_output=True, check=True).stdout
    pairs = [each.partition("=") for each in env.decode().split("\0")]
    assert {name: value for name, _, value in pairs if name in expected} == expected
