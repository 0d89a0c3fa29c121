"""Locks install the same versions at any time: nothing is resolved."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv

import pytest
from packaging.utils import canonicalize_name

import programs
from package_index import NEWER, PackageIndex, read_lock, version_of

pytestmark = pytest.mark.journey

MADE = (".venv/run", ".venv/dev", ".venv/torment")
LOCKS = (
    "requirements.lock",
    "requirements-build.lock",
    "requirements-dev.lock",
    "requirements-image.lock",
)
# What installs without a lock, on purpose, and what else may say so: users who have none.
UNLOCKED = re.compile(
    r"pip install(`| (\.|'\.\[\w+\]'|profile-service\[\w+\]|'profile-service\[\w+\]'))"
)


def made_by(repository, *targets):
    """The commands that make runs for these targets, as it would from nothing."""
    assert shutil.which("make")
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *targets],
        cwd=repository, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line for line in done.stdout.replace("\\\n", " ").splitlines() if "-m pip" in line]


def test_the_demo_takes_the_port_that_run_sign_in_takes_too(repository, monkeypatch):
    monkeypatch.setenv("PORT", "8001")
    done = subprocess.run(
        ["make", "--dry-run", "run"], cwd=repository, capture_output=True, text=True, check=True
    )
    assert "profile-service demo --port 8001\n" in done.stdout


def elsewhere(repository):
    """Every other line of the project that installs something."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in tracked:
        if name == "Makefile" or name.startswith("tests/") or name.endswith(".lock"):
            continue
        with (repository / name).open(errors="ignore") as lines:
            yield from (line.strip() for line in lines if "pip install" in line)


def test_every_place_that_installs_a_lock_asks_no_resolver(repository):
    commands = made_by(repository, *MADE) + list(elsewhere(repository))
    installing = [each for each in commands if "pip install" in each]
    assert len([each for each in installing if "-r " in each]) >= 6
    for command in installing:
        if UNLOCKED.search(command):
            continue
        assert "--no-deps" in command, command
        if "-r " in command:
            assert "--require-hashes" in command, command
            assert "--only-binary :all:" in command, command


def test_each_environment_is_checked_once_it_is_installed(repository):
    for target in MADE:
        assert "-m pip check" in made_by(repository, target)[-1]
    assert "pip check" in (repository / "deploy/Dockerfile").read_text()


def test_the_locks_agree_and_pin_everything_with_hashes(repository):
    pinned = {}
    for lock in (*LOCKS, "requirements-torment.lock"):
        for each in read_lock(repository / lock):
            version = pinned.setdefault(canonicalize_name(each.name), version_of(each))
            assert version == version_of(each), f"{each.name} in {lock}"
        entries = re.split(r"\n(?=[a-z])", (repository / lock).read_text())
        assert all("--hash=sha256:" in entry for entry in entries), lock


@pytest.fixture(scope="module")
def newer(repository, tmp_path_factory):
    """An index of all that the locks name, and the environment in which pip asks it alone."""
    folder = tmp_path_factory.mktemp("index")
    index = PackageIndex(folder, read_lock(repository / "requirements-dev.lock"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    with index.served() as asking:
        yield index, kept | asking


@pytest.fixture
def python(tmp_path):
    """An empty environment's."""
    venv.create(tmp_path / "venv", with_pip=False)
    return tmp_path / "venv/bin/python"


def pip(environment, python, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_installs_itself_alone_where_everything_has_a_newer_release(
    name, newer, python, repository, tmp_path
):
    index, environment = newer
    requirements = read_lock(repository / name)
    command = next(each for each in made_by(repository, *MADE) if f"-r {name}" in each)
    options = command.partition("pip install")[2].partition("-r ")[0].split()
    index.asked.clear()
    index.fetched.clear()
    lock = index.lock(tmp_path / "lock", requirements)
    done = pip(environment, python, "install", *options, "-r", lock)
    assert done.returncode == 0, done.stderr
    checked = pip(environment, python, "check")
    assert checked.returncode == 0, checked.stdout
    listed = json.loads(pip(environment, python, "list", "--format=json").stdout)
    pinned = {canonicalize_name(each.name): version_of(each) for each in requirements}
    assert {canonicalize_name(each["name"]): each["version"] for each in listed} == pinned
    assert index.asked == pinned.keys()
    assert not [wheel for wheel in index.fetched if NEWER in wheel]


def test_a_resolver_would_take_what_is_newer(newer, python):
    """So the test above can fail."""
    _, environment = newer
    resolved = pip(environment, python, "install", "--dry-run", "fastapi")
    assert f"fastapi-{NEWER}" in resolved.stdout


def test_a_run_says_what_it_skipped_for_want_of_what_and_what_brings_it():
    reasons = ["Skipped: needs chromium"] * 3 + ["needs redis-server", "another reason"]
    line = programs.summary(reasons)
    assert line == (
        "Skipped tests: 3 for want of chromium, 1 for want of redis-server."
        " To run them: apt-get install chromium redis-server"
    )
    assert programs.summary(["another reason"]) is None
