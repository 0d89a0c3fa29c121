"""How processes start and end: accepted requests are answered, a failed start is reported once."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx2
import pytest

from profile_api.server import serving
from profile_api.settings import Settings
from profile_infra.stores.by_url import migrate
from profile_testing.images import noise, png
from raw_http import rest
from running import ME
from serving import environment, person, serving_in, until_ready, workers_of

pytestmark = pytest.mark.journey

# What the command does after its checks.
SERVE = """
import sys
from profile_api.server.listening import listen
from profile_api.server.workers import run
from profile_api.settings import Settings
if __name__ == "__main__":
    listener = listen("127.0.0.1", int(sys.argv[1]))
    run(Settings(), listener, 2)
"""


@pytest.fixture
def folder(tmp_path):
    """A store with one person, whose subject is their id."""
    migrate(f"sqlite:///{tmp_path}/profile.db")
    return tmp_path


def assert_nobody_listens(address):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout=5).close()
        except ConnectionRefusedError:
            return
        except OSError:  # the socket was just closing
            continue
    raise AssertionError("connections are accepted still")


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # once the head was read


def until_received(sock, end):
    result = b""
    while not result.endswith(end):
        result += sock.recv(1) or pytest.fail("the connection was closed")


def running_still(pid):
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")  # ended, and nobody has asked how


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_accepted_is_answered_and_then_all_end(folder, port, workers):
    headers = {**person(folder), "Content-Type": "application/json", "Host": "x"}
    body = json.dumps({"display_name": "Last words"}).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    lines += f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"
    head = f"PUT {ME} HTTP/1.1\r\n{lines}\r\n".encode()
    with serving_in(folder, port, workers) as process:
        address = ("127.0.0.1", port)
        with (
            socket.create_connection(address, timeout=60) as busy,
            socket.create_connection(address, timeout=60) as idle,
        ):
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            until_received(idle, b'{"status":"ok"}')
            busy.sendall(head)
            until_received(busy, CONTINUE)
            busy.sendall(body[:5])
            process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            assert idle.recv(1) == b"", "an idle connection is closed"
            assert_nobody_listens(address)
            busy.sendall(body[5:] + b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            answered = b""
            while part := busy.recv(65536):
                answered += part
        assert process.wait(60) == 0
        assert time.monotonic() - started < 10, "the contract's time"
    assert answered.startswith(b"HTTP/1.1 200 OK")
    assert b'"display_name":"Last words"' in answered
    with serving_in(folder, port, 1) as process:
        stored = httpx2.get(f"http://127.0.0.1:{port}{ME}", headers=headers, timeout=60).json()
        assert stored["display_name"] == "Last words"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert "Traceback" not in (folder / "log").read_text()


def test_who_never_finishes_does_not_hold_up_the_end(folder, port):
    with (
        serving_in(folder, port, 1) as process,
        socket.create_connection(("127.0.0.1", port), timeout=60) as stalled,
    ):
        stalled.sendall(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n")
        stalled.sendall(b"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n")
        until_received(stalled, CONTINUE)
        process.send_signal(signal.SIGTERM)
        assert b'"code":"request_timeout"' in rest(stalled)
        assert process.wait(60) == 0
    assert "Traceback" not in (folder / "log").read_text()


def test_who_never_takes_the_answers_does_not_hold_up_the_end(folder, port):
    headers = person(folder)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = base64.b64encode(png(noise(280, 280))).decode()
    picture = {"avatar_base64": f"data:image/png;base64,{data}"}
    with (
        serving_in(folder, port, 1) as process,
        socket.create_connection(("127.0.0.1", port), timeout=60) as idle,
    ):
        answer = httpx2.put(f"http://127.0.0.1:{port}{ME}", json=picture, headers=headers)
        assert answer.status_code == 200
        idle.sendall(f"GET {ME} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode() * 40)
        until_received(idle, b"HTTP/1.1 200 OK\r\n")
        time.sleep(1)  # until nothing more can be written
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert time.monotonic() - started < 10, "the contract's time"
    assert '"level":"error"' not in (folder / "log").read_text()


def test_who_sends_no_more_is_answered_all_the_same(folder, port):
    """In a process of its own: uvloop tells of the end of input together with the last bytes."""
    headers = {**person(folder), "Content-Type": "application/json", "Host": "x"}
    body = b'{"display_name": "Last words"}'
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    put = f"PUT {ME} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with serving_in(folder, port, 1, PROFILE_RATE_LIMIT="off"):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as half:
                half.sendall(put * 40)
                half.shutdown(socket.SHUT_WR)
                assert rest(half).count(b"HTTP/1.1 200 OK\r\n") == 40


def healthz_counted(port):
    metrics = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    pattern = (
        r'profile_http_requests_total\{code="",method="GET",route="/healthz",status="200"\} (\d+)'
    )
    return int(re.search(pattern, metrics)[1])


def test_killed_workers_are_replaced_and_metrics_speak_for_all(folder, port):
    with serving_in(folder, port, 2, TMPDIR=str(folder)) as process:
        workers = workers_of(process)
        for _ in range(10):
            httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=60)
        deadline = time.monotonic() + 120
        while len(files := set(folder.glob("profile-metrics-*/*.db"))) < 5 * len(workers):
            assert time.monotonic() < deadline, "one of each kind of metric for each worker"
            time.sleep(0.05)
        while healthz_counted(port) < 10:  # a request is counted once its client has the answer
            assert time.monotonic() < deadline
            time.sleep(0.05)
        shown = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
        for name in ("profile_build_info{", "process_cpu_seconds_total ", "process_open_fds "):
            assert shown.count(f"\n{name}") == 1
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + 120
        while "is replaced" not in (folder / "log").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        until_ready(port, process)
        assert healthz_counted(port) == 10
        while (left := set(folder.glob("profile-metrics-*/*.db"))) < files:  # until both have begun
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert left == files, "the dead leave none behind"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (folder / "log").read_text()


def test_workers_whose_parent_is_killed_end_by_themselves(folder, port):
    with (
        serving_in(folder, port, 2, TMPDIR=str(folder)) as process,
        socket.create_connection(("127.0.0.1", port), timeout=60),
    ):
        workers = workers_of(process)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        while any(running_still(worker) for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert_nobody_listens(("127.0.0.1", port))
    assert "Traceback" not in (folder / "log").read_text()


def test_workers_that_cannot_start_end_all_with_one_sentence(tmp_path, port):
    (tmp_path / "serve.py").write_text(SERVE)
    (tmp_path / "profile.db").touch()
    done = subprocess.run(
        [sys.executable, "serve.py", str(port)],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "profile-service migrate" in done.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"PROFILE_POLICY_DIR": "/nowhere"}, "/nowhere"),
        ({"PROFILE_DATABASE_URL": "sqlite:///:memory:"}, "sqlite:///"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, "profile-service[otel]"),
    ],
)
def test_a_worker_without_an_application_says_why_in_a_sentence(
    monkeypatch, capsys, tmp_path, settings, sentence
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # as if it were not installed
    monkeypatch.setattr(serving.logs, "configure", lambda _: None)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        serving.application(Settings())
    assert ended.value.code == 3
    result = capsys.readouterr().err
    assert result.count("\n") == 1
    assert sentence in result
