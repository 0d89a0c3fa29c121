"""A connection that has ended is forgotten at once: nothing of it waits for the garbage collector."""

import gc
import socket
import time

import pytest

from profile_api.server.protocol import GuardedProtocol
from raw_http import connection, rest
from running import ME, served


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def no_collections():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def request(server, line, *more):
    headers = {"Host": "x", "Content-Type": "application/json", **server.headers}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items()), *more]
    return "\r\n".join([*lines, "", ""]).encode()


BODY = b'{"display_name": "Ada"}'
WAYS = {
    "after an answer": lambda server: request(server, f"GET {ME} HTTP/1.1", "Connection: close"),
    "while it is answered": lambda server: (
        request(server, f"PUT {ME} HTTP/1.1", f"Content-Length: {len(BODY)}") + BODY
    ),
    "after answers to requests that came together": lambda server: (
        request(server, f"GET {ME} HTTP/1.1") * 3
    ),
    "after a refusal of what is no HTTP": lambda _: b"no HTTP\r\n\r\n",
    "in a head": lambda _: b"GET / HTT",
    "in a body": lambda server: (
        request(server, f"PUT {ME} HTTP/1.1", "Content-Length: 5000") + BODY
    ),
    "before anything is sent": lambda _: b"",
}


def in_memory(server):
    """How many of its connections are."""
    state = server.server.server_state
    return sum(
        isinstance(each, GuardedProtocol) and each.server_state is state
        for each in gc.get_objects()
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_that_ends_leaves_nothing_behind(server, no_collections, way):
    with connection(server) as sock:
        sock.sendall(WAYS[way](server))
        sock.shutdown(socket.SHUT_WR)
        rest(sock)
    deadline = time.monotonic() + 10
    while in_memory(server):
        assert time.monotonic() < deadline
        time.sleep(0.01)
