"""Starts `migrate`, `users import` and `serve` at the same moment on one file, again and again.

A program of its own, so that it may fork: each round's commands start within a millisecond, from
a process that has imported all they need. Prints what failed, and then exits with status 1.

    python tests/support/starting_together.py ROUNDS new|older|unswitched PORT FOLDER
"""

import contextlib
import os
import signal
import sqlite3
import sys
import time
import urllib.request
from pathlib import Path
from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

sys.path.insert(0, str(Path(__file__).parent))

from command import ISSUERS, csv, person
from profile_api.cli.main import main
from profile_infra.stores import revisions
from profile_infra.stores.sqlite.schema import migrate

PATIENCE = 120  # seconds until a round has failed: other programs may keep the machine busy


def new(path):
    """No file."""


def older(path):
    """The schema as it was first."""
    config = Config()
    config.set_main_option("script_location", str(Path(revisions.__file__).with_name("migrations")))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001_profiles")
    engine.dispose()


def unswitched(path):
    """The newest schema in a file without a write-ahead log, as VACUUM INTO leaves one."""
    migrate(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def start(gate, *arguments):
    """A child that runs the command once the gate's other end is closed."""
    reading, writing = gate
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.close(writing)
        os.read(reading, 1)
        sys.argv = ["profile-service", *arguments]
        main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        os._exit(status)


def failures(port):
    """One round in the current folder: the commands that failed, with their status."""
    people = csv(Path(), person(uuid4()))
    serve = ("serve", "--port", str(port))
    gate = os.pipe()
    children = {
        start(gate, *arguments): arguments
        for arguments in (("migrate",), ("users", "import", people), serve, ("migrate",))
    }
    for end in gate:
        os.close(end)
    deadline = time.monotonic() + PATIENCE
    while children:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended:
            arguments = children.pop(ended)
            if status := os.waitstatus_to_exitcode(status):
                yield f"{' '.join(arguments)}: status {status}"
        elif time.monotonic() > deadline:
            for child in children:
                os.kill(child, signal.SIGKILL)
            deadline += PATIENCE
        elif list(children.values()) == [serve] and ready(port):
            os.kill(*children, signal.SIGTERM)
            time.sleep(0.01)
        else:
            time.sleep(0.01)


def ready(port):
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer,
    ):
        return answer.status == 200
    return False


if __name__ == "__main__":
    rounds, state, port, folder = sys.argv[1:]
    os.environ |= {"PROFILE_ISSUERS": ISSUERS, "PROFILE_LOG": "json"}
    failed = []
    for each in range(int(rounds)):
        here = Path(folder) / str(each)
        here.mkdir()
        os.chdir(here)
        {"new": new, "older": older, "unswitched": unswitched}[state](here / "profile.db")
        failed += [f"round {each}, {failure}" for failure in failures(int(port))]
    sys.stdout.write("\n".join(failed))
    sys.exit(bool(failed))
