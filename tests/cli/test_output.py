"""What is printed: nothing in it can rewrite, hide or reorder what a terminal shows."""

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from uuid import uuid4

import pytest

from command import csv, person
from profile_api.cli.output import visible
from running import TENANT
from serving import COMMAND

HOSTILE = "\x1b[2J\x9b2J\x7f\u202e\u2066\u200b\u2028\U000e0041\ud800"


def harmless(text: str) -> bool:
    return not [
        char
        for char in text
        if char not in "\n\t\u200c\u200d"
        and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    ]


def test_what_a_terminal_would_obey_or_hide_is_shown_as_an_escape():
    assert visible(HOSTILE) == (
        r"\u001b[2J\u009b2J\u007f\u202e\u2066\u200b\u2028\udb40\udc41\ud800"
    )
    assert harmless(visible("".join(map(chr, range(0x110000)))))


@pytest.mark.parametrize(
    "name", ["Ada", "José", "陳", "👩‍🚀", "می‌خواهم", "J\u00a0B", ":smile:", r"C:\n"]
)
def test_a_name_stays_as_it_is(name):
    assert visible(name) == name


def test_an_escape_in_json_is_the_same_value():
    assert json.loads(visible(json.dumps(HOSTILE, ensure_ascii=False))) == HOSTILE


@pytest.fixture
def hostile(run, tmp_path):
    """A store with a person whose subject and names mean something to terminals."""
    run("migrate")
    user = str(uuid4())
    texts = (":smile:", "[bold]B", "", "https://idp.example", "a\u202eb\u200bc")
    run("users", "import", csv(tmp_path, person(user, "ada@example.com", "oidc", *texts)))
    run("users", "deactivate", user, "--tenant", TENANT)
    return user


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize(
    "command",
    [
        ["users", "list", "--tenant", TENANT],
        ["users", "find", "ada@example.com"],
        ["users", "show", "ada@example.com", "--tenant", TENANT],
        ["users", "history", "ada@example.com", "--tenant", TENANT],
        ["users", "export", "ada@example.com", "--tenant", TENANT],
        ["users", "activate", "ada@example.com", "--tenant", TENANT],
        ["users", "delete", "ada@example.com", "--yes", "--tenant", TENANT],
        ["tenants", "history", TENANT],
        ["tenants", "list"],
    ],
)
def test_every_command_shows_hostile_texts_as_they_are_stored(run, hostile, command, as_json):
    said = run(*command, *(as_json if "export" not in command else []))
    assert said
    assert harmless(said)
    if command[1] in {"list", "find"} and command[0] == "users":
        assert ":smile: [bold]B" in said
    if "show" in command:
        assert r"a\u202eb\u200bc" in said
        assert ":smile:" in said
    if as_json or "export" in command:
        for line in said.splitlines():
            json.loads(line)


def test_errors_show_hostile_texts_too(run, tmp_path):
    run("migrate")
    said = run("users", "show", "x\x1b[31m\u202ey", "--tenant", TENANT, ok=False)
    assert r"no user x\u001b[31m\u202ey" in said
    assert harmless(said)
    header = "tenant_id,id,email,auth_provider,\x1b]0;owned\x07,\u202e"
    said = run("users", "import", csv(tmp_path, header=header), ok=False)
    assert harmless(said)
    assert "remove or rename" in said


def test_what_is_plain_is_printed_without_an_escape_at_a_terminal_too():
    program = "from profile_api.cli.output import say; say('plain'); say('loud', bold=True)"
    ours, theirs = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", program], stdout=theirs, check=True, timeout=60)
        plain, loud = os.read(ours, 1000).decode().splitlines()
    finally:
        os.close(ours)
        os.close(theirs)
    assert plain.removesuffix("\x1b[0m") == "plain"
    assert loud == "\x1b[1mloud\x1b[0m"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="it writes to /dev/full")
def test_a_full_disk_is_said_in_a_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "sdl"], check=False, stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60,
        )  # fmt: skip
    sentence = "profile-service: the output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def test_all_that_is_printed_passes_one_place(repository):
    folder = repository / "api" / "profile_api" / "cli"
    others = [path for path in folder.glob("*.py") if path.name != "output.py"]
    assert len(others) > 5
    for path in others:
        found = re.findall(r"\b(?:print|echo|secho|stdout\.write|json\.dump)\(", path.read_text())
        assert not found, path.name
