"""Limits on what clients send: raw bytes against the real server."""

import asyncio
import json
import re
import select
import socket
import subprocess
import time
from contextlib import ExitStack, suppress

import httpx2
import pytest

from profile_api.server import protocol, serving
from profile_domain.errors import Code
from raw_http import ALIVE, GET, POST, assert_refused, connection, error_in, one_answer, rest, send
from running import ME, served

LIMITS = {
    "max_header_bytes": 4096,
    "max_headers": 20,
    "max_body_bytes": 20_000,
    "max_connections": 12,
}


# Nobody is late by chance, however busy the machine is: who is to be late is made so.
PATIENT = {"header_seconds": 600, "body_seconds": 600}


@pytest.fixture(scope="module")
def quick_looks():
    """Looks often at what is overdue, and leaves a refused client time to read why."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "LOOK_SECONDS", 0.02)
        patch.setattr(protocol, "LINGER", 600)
        patch.setattr(protocol, "LINGER_PAUSE", 600)
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory, quick_looks):
    with served(tmp_path_factory.mktemp("served"), **LIMITS, **PATIENT) as server:
        yield server


@pytest.fixture(scope="module")
def impatient(tmp_path_factory, quick_looks):
    with served(tmp_path_factory.mktemp("served"), **LIMITS, header_seconds=0.3) as server:
        yield server


def send_and_wait(server, *parts):
    """All that is answered when a client owes the rest for hours."""
    with connection(server) as sock:
        for part in parts:
            sock.sendall(part)
        hours_pass(server, sock, lambda seen: seen.received == sum(map(len, parts)))
        return rest(sock)


def hours_pass(server, sock, when):
    """For the server, on this connection, once it has come so far."""

    async def wait():
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            while True:
                for each in server.server.server_state.connections:
                    if each.client == sock.getsockname() and when(each):
                        return each.end_overdue(loop.time() + 3600)
                await asyncio.sleep(0.001)

    asyncio.run_coroutine_threadsafe(wait(), server.loop).result()


@pytest.mark.parametrize(
    "parts",
    [
        [b"NONSENSE\r\n\r\n"],
        [b"GET / HTTP/9.9\r\n\r\n"],
        [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
        [GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
        [GET + b"Content-Length: -1\r\n\r\n"],
        [GET + b"Bad Header: 1\r\n\r\n"],
        [GET + b"X: a\0b\r\n\r\n"],
        [b"GET /%\xff HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n"],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n"],
        [GET + b"Transfer-Encoding: chunked\t\r\n\r\n"],
        [GET + b"Upgrade: x\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\t\r\n\r\n"],
    ],
)
def test_invalid_http_is_answered_in_the_form_of_every_error(server, parts):
    assert_refused(send(server, *parts), Code.INVALID_HTTP)


@pytest.mark.parametrize(
    "parts",
    [
        [GET + b"X: " + b"a" * 5000 + b"\r\n\r\n"],
        [GET + b"X: " + b"a" * 2000, b"a" * 2000, b"a" * 2000],
        [GET + b"X: a\r\n" * 20 + b"\r\n"],
        [b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n"],
        [b"GET /" + b"a" * 5000],
        [GET, *[b"X-%d: a\r\n" % n for n in range(30)], b"\r\n"],
    ],
)
def test_a_head_that_is_too_large_is_refused(server, parts):
    assert_refused(send(server, *parts), Code.HEADERS_TOO_LARGE)


@pytest.mark.parametrize("space", [b" ", b"\t", b" \t "])
def test_white_space_around_a_value_is_no_part_of_it(server, space):
    sent = {"Host": "x", "X-Request-ID": "mine", "Connection": "close", **server.headers}
    fields = [
        b"%b:%b%b%b\r\n" % (name.encode(), space, value.encode(), space)
        for name, value in sent.items()
    ]
    answered = send(server, b"GET %b HTTP/1.1\r\n%b\r\n" % (ME.encode(), b"".join(fields)))
    assert answered.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nx-request-id: mine\r\n" in answered


def test_chunks_are_taken_with_a_blank_behind_their_coding(server):
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked \r\n\r\n"
    body = b'1b\r\n{"query": "{ __typename }"}\r\n0\r\n\r\n'
    assert b'{"data":{"__typename":"Query"}}' in send(server, head + body)


def test_headers_below_the_limit_pass_also_with_a_body_behind_them(server):
    body = b" " * 6000 + b'{"query": "{ __typename }"}'
    head = POST + b"X: " + b"a" * 3500 + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    assert b'{"data":{"__typename":"Query"}}' in send(server, head % len(body) + body)


@pytest.mark.parametrize(
    "parts", [[b"GET /healthz"], [GET], [GET + b"X: a"], [b"\r\nGET / HTTP/1.1\r\n"]]
)
def test_a_head_that_takes_too_long_is_refused(server, parts):
    assert_refused(send_and_wait(server, *parts), Code.REQUEST_TIMEOUT)


@pytest.mark.parametrize(
    "parts",
    [
        [POST + b"Content-Length: 10\r\n\r\n"],
        [POST + b"Content-Length: 10\r\n\r\n", b"{"],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"],
        [POST + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 10\r\n\r\n"],
    ],
)
def test_a_body_that_takes_too_long_is_refused(server, parts):
    assert_refused(send_and_wait(server, *parts), Code.REQUEST_TIMEOUT)


@pytest.mark.parametrize("parts", [[], [b"\r\n"], [b"\r\n", b"\r\n"]])
def test_a_client_that_asks_nothing_is_left_without_an_answer(server, parts):
    assert send_and_wait(server, *parts) == b""


def test_drop_by_drop_lasts_no_longer(impatient):
    started = time.monotonic()
    with connection(impatient) as sock:
        sock.sendall(GET + b"X: ")
        while not select.select([sock], [], [], 0.02)[0]:
            sock.sendall(b"a")
        assert time.monotonic() - started >= 0.3
        assert_refused(rest(sock), Code.REQUEST_TIMEOUT)


def test_a_client_that_asks_nothing_is_left_in_time(impatient):
    assert send(impatient) == b""


def test_a_connection_is_used_again_and_again(server):
    with connection(server) as sock:
        for _ in range(20):
            sock.sendall(GET + b"\r\n")
            assert ALIVE in one_answer(sock)


def test_a_pause_between_two_requests_is_no_slowness(server):
    with connection(server) as sock:
        for _ in range(2):
            sock.sendall(GET + b"\r\n")
            assert ALIVE in one_answer(sock)
            hours_pass(server, sock, lambda seen: seen.in_head)


def test_requests_in_a_row_are_all_answered_before_a_bad_one_ends_the_connection(server):
    answered = send(server, (GET + b"\r\n") * 3 + b"NONSENSE\r\n\r\n")
    assert 1 <= answered.count(b"HTTP/1.1 200") <= 3
    assert answered.rfind(b"HTTP/1.1 400") in {-1, answered.rfind(b"HTTP/1.1 ")}
    assert send(server, (GET + b"\r\n") * 3 + GET + b"Connection: close\r\n\r\n").count(ALIVE) == 4


def test_trailers_are_no_headers(server):
    token = "\r\n".join(f"{name}: {value}" for name, value in server.headers.items()).encode()
    body = b'{"query": "{ me { id } }"}'
    chunked = b"Transfer-Encoding: chunked\r\nConnection: close\r\n"
    whole = b"%x\r\n%b\r\n0\r\n" % (len(body), body)
    honest = send(server, POST + chunked + token + b"\r\n\r\n" + whole + b"\r\n")
    assert b'{"data":{"me"' in honest
    forged = send(server, POST + chunked + b"\r\n" + whole + token + b"\r\n\r\n")
    assert b"unauthenticated" in forged


@pytest.mark.parametrize("endless", [b"X: a\r\n", b"a"])
def test_trailers_and_chunk_extensions_have_an_end(server, endless):
    start = b"0\r\n" if endless != b"a" else b"1;"
    with connection(server) as sock:
        sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + start)
        sock.sendall(endless * 200_000)
        assert_refused(rest(sock), Code.PAYLOAD_TOO_LARGE)


def test_a_body_may_come_after_an_early_answer_and_the_connection_stays(server):
    with connection(server) as sock:
        for _ in range(2):
            sock.sendall(b"PUT " + ME.encode() + b" HTTP/1.1\r\nHost: x\r\n")
            sock.sendall(b"Content-Length: 5000\r\n\r\n")
            assert b"unauthenticated" in one_answer(sock)
            sock.sendall(b"a" * 5000)


def test_a_body_that_goes_on_after_its_answer_is_cut(server):
    with connection(server) as sock:
        sock.sendall(POST + b"Content-Length: 1000000000\r\n\r\n")
        assert b"payload_too_large" in one_answer(sock)
        sock.sendall(b"a" * 1000)
        hours_pass(server, sock, lambda seen: seen.due < protocol.NEVER)
        with pytest.raises(ConnectionError):  # noqa: PT012  # any of many sends
            for _ in range(100_000):
                sock.sendall(b"a" * 1000)


@pytest.mark.parametrize("chunked", [False, True])
def test_httpx_reads_the_413(server, chunked):
    body = b"a" * 3_000_000
    answer = httpx2.put(
        server.address + ME,
        content=iter([body] * 4) if chunked else body,
        headers={**server.headers, "Content-Type": "application/json"},
        timeout=60,
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == Code.PAYLOAD_TOO_LARGE


@pytest.mark.parametrize("more", [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]])
def test_curl_reads_the_413(server, tmp_path, more):
    (tmp_path / "body").write_bytes(b"a" * 30_000_000)
    headers = [f"-H{name}: {value}" for name, value in server.headers.items()]
    command = ["curl", "-sS", "-T", "body", *headers, "-HContent-Type: application/json", *more]
    done = subprocess.run(
        [*command, server.address + ME], cwd=tmp_path, capture_output=True, check=False
    )
    assert json.loads(done.stdout)["code"] == Code.PAYLOAD_TOO_LARGE, done.stderr


def test_an_upgrade_is_declined_and_the_request_answered(server):
    body = b'{"query": "{ __typename }"}'
    upgrade = b"Upgrade: h2c\r\nConnection: Upgrade, close\r\nContent-Length: %d\r\n\r\n"
    assert b'"Query"' in send(server, POST + upgrade % len(body) + body)


HANDSHAKE = b"Connection: Upgrade\r\nSec-WebSocket-Key: YQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        *((b"/none", Code.NOT_FOUND), (ME.encode() + b"/", Code.NOT_FOUND)),
        *((ME.encode(), Code.UNAUTHENTICATED), (b"/graphql", Code.INVALID_QUERY)),
    ],
)
@pytest.mark.parametrize("sent", [b"Upgrade", b"UPGRADE", b"Upg|rade"])
def test_a_websocket_is_declined_in_the_form_of_every_error(server, caplog, path, code, sent):
    whole = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + sent + b": websocket\r\n" + HANDSHAKE
    with connection(server) as sock:
        for number, part in enumerate(whole.split(b"|")):
            time.sleep(0.05 * number)  # else the parts may arrive as one
            sock.sendall(part)
        assert error_in(one_answer(sock))[0] == code
    assert not caplog.records


def test_a_connection_too_many_is_refused_and_later_ones_are_not(server):
    with ExitStack() as stack:
        held = [stack.enter_context(connection(server)) for _ in range(LIMITS["max_connections"])]
        for sock in held:
            sock.sendall(GET + b"\r\n")
            assert ALIVE in one_answer(sock)
        assert_refused(send(server, GET + b"\r\n"), Code.UNAVAILABLE)
        assert_refused(send(server, POST + b"\r\n"), Code.UNAVAILABLE)
    deadline = time.monotonic() + 60
    while ALIVE not in (answered := send(server, GET + b"Connection: close\r\n\r\n")):
        assert time.monotonic() < deadline, answered


def test_who_does_not_read_the_answers_is_cut(server):
    page = httpx2.get(server.address + "/docs").text
    script = re.search(r"assets/docs/swagger-ui\.[0-9a-f]+\.js", page)[0].encode()
    with connection(server) as sock:
        sock.sendall((b"GET /" + script + b" HTTP/1.1\r\nHost: x\r\n\r\n") * 20)
        hours_pass(server, sock, lambda seen: seen.flow.write_paused and seen.due < protocol.NEVER)
        with suppress(ConnectionError):
            assert len(rest(sock)) < 10_000_000


ORIGIN = b"https://app.example"


@pytest.fixture(scope="module")
def open_to_a_page(tmp_path_factory, quick_looks):
    changed = {**LIMITS, **PATIENT, "cors_origins": (ORIGIN.decode(),), "max_connections": 1}
    with served(tmp_path_factory.mktemp("served"), **changed) as server:
        yield server


@pytest.mark.parametrize("path", [b"/graphql", ME.encode()])
@pytest.mark.parametrize(
    ("rest_of_it", "code"),
    [
        (b"X: " + b"a" * 5000 + b"\r\n\r\n", Code.HEADERS_TOO_LARGE),
        (b"X: a\r\n" * 30 + b"\r\n", Code.HEADERS_TOO_LARGE),
        (b"Bad Header: x\r\n\r\n", Code.INVALID_HTTP),
        (b"Host: y\r\n\r\n", Code.INVALID_HTTP),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n", Code.INVALID_HTTP),
    ],
)
def test_an_allowed_page_reads_what_the_connection_refuses(open_to_a_page, path, rest_of_it, code):
    own = b"Host: x\r\nX-Request-ID: mine\r\nOrigin: " + ORIGIN + b"\r\nAccept: */*\r\n"
    head = b"PUT " + path + b" HTTP/1.1\r\n" + own
    assert_readable(send(open_to_a_page, head + rest_of_it), path, code)


@pytest.mark.parametrize("path", [b"/graphql", ME.encode()])
def test_an_allowed_page_reads_that_there_are_too_many_connections(open_to_a_page, path):
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\nOrigin: "
    with connection(open_to_a_page) as sock:
        sock.sendall(GET + b"\r\n")
        assert ALIVE in one_answer(sock)
        answered = send(open_to_a_page, head + ORIGIN + b"\r\n\r\n")
        assert_readable(answered, path, Code.UNAVAILABLE)


def assert_readable(answered, path, code):
    head, _, body = answered.partition(b"\r\n\r\n")
    assert b"access-control-allow-origin: " + ORIGIN in head
    assert b"x-request-id: mine" in head
    assert ("errors" in json.loads(body)) == (path == b"/graphql")
    assert error_in(body)[0] == code


def test_an_allowed_page_reads_that_there_are_too_many_headers_wherever_its_origin_stands(
    open_to_a_page,
):
    head = b"GET " + ME.encode() + b" HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 60
    own = b"Origin: " + ORIGIN + b"\r\nX-Request-ID: mine\r\n\r\n"
    assert_readable(send(open_to_a_page, head + own), ME.encode(), Code.HEADERS_TOO_LARGE)


EARLY = b"PUT " + ME.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n"


def test_a_connection_that_rests_behind_an_early_answer_is_left_in_time(tmp_path, quick_looks):
    with served(tmp_path, keep_alive_seconds=1) as server, connection(server) as sock:
        sock.sendall(EARLY)
        assert b"unauthenticated" in one_answer(sock)
        sock.sendall(b"aaaaaa")
        assert rest(sock) == b""


@pytest.mark.parametrize("before", [GET + b"\r\n", EARLY + b"aaaaaa"])
def test_a_head_that_begins_in_the_piece_of_the_one_before_takes_no_longer(server, before):
    with connection(server) as sock:
        sock.sendall(before + b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        one_answer(sock)
        hours_pass(server, sock, lambda seen: seen.begun and not seen.pipeline)
        assert_refused(rest(sock), Code.REQUEST_TIMEOUT)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_only_a_client_of_http_1_1_gets_100_continue(server, version):
    body = b'{"query": "{ __typename }"}'
    head = b"POST /graphql HTTP/" + version + b"\r\nHost: x\r\nContent-Type: application/json\r\n"
    expecting = b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    answered = send(server, head + expecting % len(body) + body)
    assert answered.startswith(b"HTTP/1.1 100 ") is (version == b"1.1")
    assert b'"Query"' in answered


@pytest.mark.parametrize("count", [1, 40])  # 40 wait where they are parsed only in their turn
@pytest.mark.parametrize("left", ["nothing", "half a head", "half a body"])
def test_who_closes_one_direction_gets_all_the_answers(server, count, left):
    lines = "".join(f"{name}: {value}\r\n" for name, value in server.headers.items()).encode()
    body = b'{"display_name": "half"}'
    put = b"PUT " + ME.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    put += lines + b"Content-Length: %d\r\n\r\n" % len(body) + body
    unfinished = {"nothing": b"", "half a head": GET, "half a body": put[:-9]}[left]
    with connection(server) as sock:
        sock.sendall((GET + b"\r\n") * (count - 1) + put * count + unfinished)
        sock.shutdown(socket.SHUT_WR)
        answered = rest(sock)
    assert re.findall(rb"HTTP/1.1 (\d+)", answered) == [b"200"] * (2 * count - 1)
    assert b'"display_name":"half"' in answered


@pytest.mark.parametrize(
    "endless", [b"X: " + b"a" * 400_000, b"a:\r\n" * 100_000, b"1;" + b"a" * 400_000]
)
def test_what_frames_a_body_is_bounded_too(server, endless):
    start = b"" if endless.startswith(b"1;") else b"2\r\n{}\r\n0\r\n"
    with connection(server) as sock:
        sock.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + start + endless)
        assert_refused(rest(sock), Code.PAYLOAD_TOO_LARGE)


def test_a_body_in_chunks_of_a_byte_is_taken_while_it_is_small(server):
    body = b'{"query": "{ __typename }"}'
    chunks = b"".join(b"1\r\n%c\r\n" % each for each in body) + b"0\r\n\r\n"
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b'"Query"' in send(server, head + chunks)
    with connection(server) as sock:
        sock.sendall(head + b"1\r\n \r\n" * 19_000)
        assert_refused(rest(sock), Code.PAYLOAD_TOO_LARGE)
