"""Clients that disconnect before the response: not logged as a failure."""

import io
import json
import re
import socket
import time

import pytest

from profile_api.telemetry import logs
from running import ME, Nowhere, served

WAYS = {"finished": False, "reset": True}


@pytest.fixture(scope="module")
def result():
    stream = io.StringIO()
    logs.configure("json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logs.configure("json", Nowhere())


@pytest.fixture(scope="module")
def server(result, tmp_path_factory):
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


def leave_in_mid_body(server, request, framing, *, reset):
    host, _, port = server.address.removeprefix("http://").partition(":")
    headers = {**server.headers, "Content-Type": "application/json", "Host": host}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        sock.sendall(f"{request} HTTP/1.1\r\n{lines}{framing}".encode())
        wait_until(lambda: server.service.app.state.admission._begun)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def wait_until(there):
    deadline = time.monotonic() + 20
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("request_line", [f"PUT {ME}", "POST /graphql"])
@pytest.mark.parametrize(
    "framing",
    [
        'Content-Length: 5000\r\n\r\n{"display_name": "',
        'Transfer-Encoding: chunked\r\n\r\n12\r\n{"display_name": "\r\n',
        "Content-Length: 5000\r\n\r\n",
    ],
)
def test_who_leaves_in_mid_body_is_no_crash_and_no_failure(
    server, result, request_line, framing, way
):
    before = len(result())
    leave_in_mid_body(server, request_line, framing, reset=WAYS[way])
    wait_until(lambda: len(result()) > before)
    (line,) = result()[before:]
    assert (line["event"], line["level"]) == ("request", "info")
    assert (line["code"], line["status"]) == ("client_disconnected", 0)
    metrics = server.service.app.state.metrics.text().decode()
    statuses = re.findall(r'profile_http_requests_total\{.*status="(\d+)"\}', metrics)
    assert "0" in statuses
    assert not [status for status in statuses if status >= "500"]
