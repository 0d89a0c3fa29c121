"""The export of a long history: memory, slow readers, and all that ends a stream in the middle."""

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import contextmanager
from uuid import UUID

import httpx2
import pytest

from profile_domain.errors import unavailable
from profile_infra.stores.by_url import migrate
from running import ME, served
from serving import person, serving_in

pytestmark = pytest.mark.journey

EXPORT = "/v1/users/me/export"
LAST_CHUNK = b"\r\n0\r\n\r\n"
MANY = 60_000  # 13 MB, of which the kernel takes some 3


def lengthen(path, user, count):
    """Gives the user so many changes, and a version to match."""
    connection = sqlite3.connect(path)
    with connection:
        rows = (
            (str(number + 2), str(number + 1), json.dumps(["display_name"]),
             json.dumps({"display_name": f"n{number}"}), json.dumps({"display_name": f"n{number + 1}"}))
            for number in range(count)
        )  # fmt: skip
        connection.executemany(
            f"""INSERT INTO profile_changes SELECT tenant_id, id, ?, ?, created_at, 'issuer', subject,
            'rest', 'request', ?, ?, ?, NULL, NULL FROM users WHERE id = '{user.hex}'""",
            rows,
        )
        connection.execute("UPDATE users SET version = ? WHERE id = ?", (count + 1, user.hex))
    connection.close()


@pytest.fixture
def server(tmp_path, request):
    with served(tmp_path, **getattr(request, "param", {})) as server:
        profile = httpx2.get(f"{server.address}{ME}", headers=server.headers).json()
        lengthen(tmp_path / "profile.db", UUID(profile["id"]), MANY)
        yield server


@contextmanager
def asked(address, headers, receive_buffer=4096, version="1.1"):
    """A connection on which the export was asked for, and nothing read yet."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect((host, int(port)))
        connection.settimeout(60)
        fields = ["Host: x", *(f"{k}: {v}" for k, v in headers.items())]
        lines = [f"GET {EXPORT} HTTP/{version}", *fields]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        yield connection


def rest_of(connection):
    received = b""
    try:
        while part := connection.recv(1 << 16):
            received += part
            if received.endswith(LAST_CHUNK):
                break
    except ConnectionResetError:
        pass
    return received


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Pages:
    """The pages of the history, counted; ``then`` is called with the number of each."""

    def __init__(self, server, then=lambda number: None):
        self.count = 0
        profiles = server.service.app.state.service._profiles
        load = profiles.history

        async def history(*args, **kwargs):
            self.count += 1
            then(self.count)
            return await load(*args, **kwargs)

        profiles.history = history


def test_a_long_history_comes_whole(server):
    answer = httpx2.get(f"{server.address}{EXPORT}", headers=server.headers, timeout=60)
    versions = [each["new_version"] for each in answer.json()["changes"]]
    assert versions == list(range(MANY + 1, 1, -1))
    assert answer.headers["Transfer-Encoding"] == "chunked"


def test_a_client_of_http_1_0_gets_it_until_the_connection_ends(server):
    with asked(server.address, server.headers, version="1.0") as connection:
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert len(json.loads(body)["changes"]) == MANY


def test_a_reader_who_waits_is_sent_no_more_than_fits_and_holds_up_nobody(server):
    pages = Pages(server)
    admission = server.service.app.state.admission
    with asked(server.address, server.headers) as connection:
        until(lambda: admission.buffers.held > 0)
        seen = 0
        while seen != pages.count:
            seen = pages.count
            time.sleep(0.2)
        assert pages.count < MANY / 100 / 2
        assert admission.at_work == 0, "who waits for a client is not at work"
        assert admission.buffers.held < 512 * 1024
        assert httpx2.get(f"{server.address}{ME}", headers=server.headers).status_code == 200
        assert rest_of(connection).endswith(LAST_CHUNK)
    until(lambda: admission.buffers.held == 0)
    assert pages.count == MANY / 100 + 1


def test_who_leaves_is_exported_no_further(server):
    pages = Pages(server)
    with asked(server.address, server.headers) as connection:
        assert connection.recv(4096)
    seen = -1
    while seen != pages.count:
        seen = pages.count
        time.sleep(0.3)
    assert pages.count < MANY / 100 / 2
    metrics = httpx2.get(f"{server.address}/metrics").text
    assert f'code="client_disconnected",method="GET",route="{EXPORT}",status="200"' in metrics


@pytest.mark.parametrize("server", [{"body_seconds": 1}], indirect=True)
def test_who_never_reads_is_cut(server):
    with asked(server.address, server.headers) as connection:
        until(lambda: server.server.server_state.connections)
        until(lambda: not server.server.server_state.connections)
        assert not rest_of(connection).endswith(LAST_CHUNK)


def test_the_connection_is_cut_where_the_store_is_lost(server, tmp_path):
    def lose(number):
        if number == 5:
            (tmp_path / "profile.db").write_bytes(b"no database any more")
            (tmp_path / "profile.db-wal").write_bytes(b"")

    Pages(server, lose)
    with asked(server.address, server.headers) as connection:
        received = rest_of(connection)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not received.endswith(LAST_CHUNK)
    metrics = httpx2.get(f"{server.address}/metrics").text
    assert f'code="unavailable",method="GET",route="{EXPORT}",status="200"' in metrics


@pytest.mark.parametrize("routed", [False, True], ids=["direct", "by FastAPI"])
def test_a_client_sees_that_it_was_cut(server, routed):
    if routed:  # as where requests are traced
        server.service.app.middleware_stack._routes.clear()

    def fail(number):
        if number == 3:
            raise unavailable()

    Pages(server, fail)
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(f"{server.address}{EXPORT}", headers=server.headers, timeout=60)
    metrics = httpx2.get(f"{server.address}/metrics").text
    assert f'code="unavailable",method="GET",route="{EXPORT}",status="200"' in metrics


def test_a_head_reads_no_history(server):
    pages = Pages(server)
    answer = httpx2.head(f"{server.address}{EXPORT}", headers=server.headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert pages.count == 0


@pytest.mark.parametrize("server", [{"request_seconds": 1}], indirect=True)
def test_each_part_has_the_time_of_a_whole_answer(server):
    """A page that takes too long cuts the stream, not the number of pages."""
    pages = Pages(server)
    load = server.service.app.state.service._profiles.history

    async def slow(*args, **kwargs):
        await asyncio.sleep(60 if pages.count == 8 else 0.25)
        return await load(*args, **kwargs)

    server.service.app.state.service._profiles.history = slow
    with asked(server.address, server.headers, 1 << 20) as connection:
        received = rest_of(connection)
    assert not received.endswith(LAST_CHUNK)
    assert pages.count == 8


@pytest.fixture
def process(tmp_path, port):
    migrate(f"sqlite:///{tmp_path}/profile.db")
    headers = person(tmp_path)
    connection = sqlite3.connect(tmp_path / "profile.db")
    ((user,),) = connection.execute("SELECT id FROM users").fetchall()
    connection.close()
    lengthen(tmp_path / "profile.db", UUID(user), 100_000)
    with serving_in(tmp_path, port, 1) as process:
        yield process, f"http://127.0.0.1:{port}", headers


def test_a_history_of_100_000_changes_takes_no_memory(process):
    process, address, headers = process
    with httpx2.Client(base_url=address, headers=headers, timeout=120) as client:
        for _ in range(3):
            client.get(f"{ME}/changes?first=100")
        before, size = memory(process), 0
        with client.stream("GET", EXPORT) as answer:
            for part in answer.iter_raw():
                size += len(part)
        assert size > 20_000_000
        assert memory(process) - before < 8 * 1024


def test_at_the_end_a_stream_nobody_takes_is_cut_within_ten_seconds(process):
    process, address, headers = process
    with asked(address, headers) as connection:
        assert connection.recv(64).startswith(b"HTTP/1.1 200 OK\r\n")
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - started < 10
        assert not rest_of(connection).endswith(LAST_CHUNK)


def memory(process):
    """Resident, in KiB."""
    command = ["ps", "-o", "rss=", "-p", str(process.pid)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)
