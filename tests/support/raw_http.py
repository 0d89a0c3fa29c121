"""HTTP requests and responses as raw bytes."""

import json
import re
import socket
from contextlib import contextmanager

import pytest

from profile_api.rest.errors import STATUS
from profile_domain.errors import Code

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
ALIVE = b'{"status":"ok"}'


@contextmanager
def connection(server):
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as sock:
        yield sock


def send(server, *parts):
    """All that is answered until the server closes."""
    with connection(server) as sock:
        for part in parts:
            sock.sendall(part)
        return rest(sock)


def rest(sock):
    answered = b""
    while part := sock.recv(65536):
        answered += part
    return answered


def one_answer(sock):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1) or pytest.fail("the connection was closed")
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    return sock.recv(length, socket.MSG_WAITALL)


def assert_refused(answered, code):
    """The last answer, in the form of whichever face was asked."""
    head, _, body = answered.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % STATUS[code]), answered[:200]
    assert error_in(body) == (code, code.message)
    assert (b"\r\nretry-after: 1" in head) is (code is Code.UNAVAILABLE)
    assert b"connection: close" in head
    assert b"x-content-type-options: nosniff" in head
    assert re.search(rb"\r\nx-request-id: [0-9a-f]{32}\r\n", head)


def error_in(body):
    """The code and the message, of either face."""
    parsed = json.loads(body)
    if "errors" in parsed:
        (error,) = parsed["errors"]
        return error["extensions"]["code"], error["message"]
    return parsed["code"], parsed["message"]
