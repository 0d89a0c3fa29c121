"""Workers that die are replaced, however long that takes; a start that fails ends the command."""

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from command import ISSUERS
from profile_infra.stores.by_url import migrate
from profile_testing.postgres_database import new_database
from running import ME
from serving import COMMAND, environment, person, serving_in, until, until_ready, workers_of

pytestmark = pytest.mark.journey

SERVES = "Serving on"
BROKEN = "permit nonsense;"


@pytest.fixture
def folder(tmp_path):
    migrate(f"sqlite:///{tmp_path}/profile.db")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.cedar").write_text("// none yet\n")
    return tmp_path


@contextmanager
def a_broken_policy(folder):
    policy = folder / "policies" / "a.cedar"
    before = policy.read_text()
    policy.write_text(BROKEN)
    yield
    policy.write_text(before)


@contextmanager
def no_store(folder):
    (folder / "profile.db").rename(folder / "elsewhere.db")
    yield
    (folder / "elsewhere.db").rename(folder / "profile.db")


@contextmanager
def a_schema_of_another_release(folder):
    def stamp(revision):
        connection = sqlite3.connect(folder / "profile.db")
        ((before,),) = connection.execute("SELECT version_num FROM alembic_version")
        connection.execute(
            "UPDATE alembic_version SET version_num = ?, oldest_release = ?", [revision, revision]
        )
        connection.commit()
        connection.close()
        return before

    before = stamp("9999_future")
    yield
    stamp(before)


def pauses(folder):
    """Before each replacement, in seconds."""
    lines = [
        json.loads(line) for line in (folder / "log").read_text().splitlines() if line[0] == "{"
    ]
    return [line["pause"] for line in lines if line["event"] == "a worker ended and is replaced"]


def missing(port):
    """How many workers do not serve, as the metric and, where it is ready, `readyz` have it."""
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    (gauge,) = re.findall(r"^profile_workers_missing (\d+)\.0$", text, re.MULTILINE)
    ready = httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=60)
    if ready.status_code == 200 and ready.json().get("workers_missing", 0) != int(gauge):
        return None  # it has changed between the two
    return int(gauge)


@pytest.mark.parametrize("trouble", [a_broken_policy, no_store, a_schema_of_another_release])
def test_a_worker_that_cannot_start_is_tried_again_while_its_sibling_serves(folder, port, trouble):
    with serving_in(folder, port, 2, PROFILE_POLICY_DIR=str(folder / "policies")) as process:
        until(lambda: missing(port) == 0)
        one, other = workers_of(process)
        with trouble(folder):
            os.kill(one, signal.SIGKILL)
            until(lambda: len(pauses(folder)) >= 3)
            assert missing(port) == 1
            assert httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=60).status_code == 200
        until(lambda: missing(port) == 0)
        assert other in workers_of(process)
        assert pauses(folder)[:3] == [0.5, 1.0, 2.0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "Traceback" not in (folder / "log").read_text()


def test_when_the_store_returns_all_workers_serve_though_none_was_left(folder, port):
    with serving_in(folder, port, 2) as process:
        until(lambda: missing(port) == 0)
        with no_store(folder):
            for worker in workers_of(process):
                os.kill(worker, signal.SIGKILL)
            until(lambda: len(pauses(folder)) >= 4)
        until_ready(port, process)
        until(lambda: missing(port) == 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_the_command_ends_in_order_though_it_waits_to_start_workers(folder, port):
    with serving_in(folder, port, 2) as process:
        until(lambda: missing(port) == 0)
        with no_store(folder):
            for worker in workers_of(process):
                os.kill(worker, signal.SIGKILL)
            until(lambda: len(pauses(folder)) >= 6)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def has_a_handler(process):
    """Whether Python has come so far as to run the command's first lines."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (caught,) = re.findall(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
    return int(caught, 16) >> (signal.SIGTERM - 1) & 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it looks into /proc")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("moment", ["it imports", "it waits for the schema", "it says so"])
def test_a_start_that_is_stopped_ends_with_status_0(folder, port, moment, workers, sign):
    if moment == "it waits for the schema":
        (folder / "profile.db").unlink()
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", str(port), "--workers", str(workers)],
        cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        said = ""
        until(lambda: has_a_handler(process))
        if moment != "it imports":
            said = process.stderr.readline()
            assert ("Waiting" if "schema" in moment else SERVES) in said
        process.send_signal(sign)
        said += process.communicate(timeout=60)[1]
        assert process.returncode == 0, said
        assert "Traceback" not in said
        assert (SERVES in said) is (moment == "it says so")
        assert moment == "it says so" or "stopped before it served" in said
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it looks into /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_start_goes_on_when_told_to_read_its_files_again(folder, port, workers):
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", str(port), "--workers", str(workers)],
        cwd=folder, env=environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: has_a_handler(process))
        process.send_signal(signal.SIGHUP)
        until_ready(port, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("host", "address", "advice"),
    [
        ("127.0.0.1", "127.0.0.1", "another process listens there; end it, or choose another --port"),
        ("192.0.2.1", "192.0.2.1", "this machine has no such address; choose another --host"),
        ("no-such-host.invalid", "no-such-host.invalid", ""),
        ("::1", "[::1]", ""),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_listened_on_is_named(run, host, address, advice, workers):
    run("migrate")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server(("::1" if ":" in host else "127.0.0.1", 0), family=family) as taken:
        port = str(taken.getsockname()[1])
        arguments = ("serve", "--host", host, "--port", port, "--workers", workers)
        output = run(*arguments, ok=False, issuers=ISSUERS)
    assert f"profile-service: cannot listen on {address}:{port}: {advice}" in output
    assert SERVES not in output


def test_a_demo_whose_port_is_taken_prints_no_addresses(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [COMMAND, "demo", "--port", str(taken.getsockname()[1])],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "another process listens there" in done.stderr


async def test_a_worker_lost_in_an_outage_of_postgres_is_back_soon_after_it(
    postgres_server, port, tmp_path
):
    def journey(url):
        settings = {"PROFILE_DATABASE_URL": url}
        headers = person(tmp_path, **settings)
        with serving_in(tmp_path, port, 2, **settings) as process:
            until(lambda: missing(port) == 0)
            one, other = workers_of(process)
            postgres_server.kill()
            try:
                os.kill(one, signal.SIGKILL)
                until(lambda: len(pauses(tmp_path)) >= 2)
                assert missing(port) == 1
                answer = httpx2.get(f"http://127.0.0.1:{port}{ME}", headers=headers, timeout=60)
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            finally:
                postgres_server.start()
            until(lambda: missing(port) == 0)
            until_ready(port, process)
            assert other in workers_of(process)
            answer = httpx2.get(f"http://127.0.0.1:{port}{ME}", headers=headers, timeout=60)
            assert answer.status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0

    async with new_database(postgres_server.url) as database:
        await database.migrate()
        await asyncio.to_thread(journey, database.url)
