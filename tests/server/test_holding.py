"""The memory held for slow clients is bounded; the connection with the most is shed."""

import asyncio
import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profile_api.middleware.admission import Buffers
from profile_domain.errors import Code
from profile_testing.images import noise, png
from raw_http import assert_refused, connection, rest
from running import ME, running, served

MIB = 1024 * 1024
BODY = MIB - 1
MOST = 6 * MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with served(folder, max_buffered_bytes=MOST, max_body_bytes=MIB) as server:
        data = base64.b64encode(png(noise(280, 280))).decode()
        body = {"avatar_base64": f"data:image/png;base64,{data}"}
        answer = httpx2.put(server.address + ME, json=body, headers=server.headers)
        assert answer.status_code == 200
        yield server


def held(server):
    async def ask():
        return server.service.app.state.admission.buffers.held

    return asyncio.run_coroutine_threadsafe(ask(), server.loop).result()


def until(there):
    for _ in range(6000):
        if there():
            return
        threading.Event().wait(0.01)
    pytest.fail("it never came to that")


def own_lines(server):
    return "".join(f"{name}: {value}\r\n" for name, value in server.headers.items()).encode()


@pytest.mark.parametrize(
    ("request_line", "strangers"), [(b"POST /graphql", True), (b"PUT " + ME.encode(), False)]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_that_never_end_take_no_more_than_the_budget(
    server, request_line, strangers, chunked
):
    own = b"" if strangers else own_lines(server)
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (BODY + 1)
    head = request_line + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + own
    before = server.service.app.state.admission.buffers.shed
    with ExitStack() as stack:
        hoarders = [stack.enter_context(connection(server)) for _ in range(10)]
        for sock in hoarders:
            start = b"%x\r\n" % BODY if chunked else b""
            sock.sendall(head + framing + b"\r\n\r\n" + start + b" " * BODY)
            until(lambda: held(server) <= MOST)
        until(lambda: server.service.app.state.admission.buffers.shed >= before + 4)
        assert held(server) <= MOST
        answer = httpx2.post(server.address + "/graphql", json={"query": "{ __typename }"})
        assert answer.json() == {"data": {"__typename": "Query"}}
        assert_refused(rest(hoarders[0]), Code.UNAVAILABLE)
    until(lambda: held(server) == 0)


@contextmanager
def asking_for_pictures(server, count):
    """Connections that ask for fifteen times the picture, and read nothing."""
    query = "{" + "".join(f"a{number}: me {{ avatarBase64 }} " for number in range(15)) + "}"
    body = json.dumps({"query": query}).encode()
    head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += own_lines(server) + b"Content-Length: %d\r\n\r\n" % len(body)
    with ExitStack() as stack:
        sockets = [stack.enter_context(connection(server)) for _ in range(count)]
        for sock in sockets:
            sock.sendall(head + body)
        yield sockets


def test_answers_that_nobody_takes_take_no_more_than_the_budget(server):
    before = server.service.app.state.admission.buffers.shed
    with asking_for_pictures(server, 12):
        until(lambda: server.service.app.state.admission.buffers.shed > before)
        until(lambda: server.service.app.state.admission.at_work == 0 or held(server) <= MOST)
        assert held(server) <= MOST
        answer = httpx2.get(server.address + ME, headers=server.headers)
        assert answer.status_code == 200
    until(lambda: held(server) == 0)


def test_no_answer_is_made_before_those_before_it_are_taken(server):
    one = b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (ME.encode(), own_lines(server))
    sent = 40  # 12 MB, of which the kernel takes some 5

    async def look():
        connections = list(server.server.server_state.connections)
        return any(each.flow.write_paused for each in connections)

    def paused():
        return asyncio.run_coroutine_threadsafe(look(), server.loop).result()

    with connection(server) as sock:
        sock.sendall(one * sent)
        until(paused)
        for _ in range(20):
            assert server.service.app.state.admission.at_work == 0
            threading.Event().wait(0.01)
        assert paused()
        answered = b""
        while answered.count(b"HTTP/1.1 200 OK") < sent:
            answered += sock.recv(2**20) or pytest.fail("the connection was closed")
    until(lambda: held(server) == 0)


def test_requests_by_the_thousand_are_read_as_they_are_answered(server):
    one = b"GET /healthz HTTP/1.1\r\nHost:\r\n" + b"a:\r\n" * 60 + b"\r\n"
    sent = 3000
    ahead = []

    async def look():
        seen = [each for each in server.server.server_state.connections if each.pipeline]
        ahead.extend((len(each.pipeline), len(each.unparsed)) for each in seen)

    with connection(server) as sock, ThreadPoolExecutor(1) as sender:
        sending = sender.submit(sock.sendall, one * sent)
        answered = b""
        while answered.count(b'{"status":"ok"}') < sent:
            asyncio.run_coroutine_threadsafe(look(), server.loop).result()
            answered += sock.recv(2**20)
        sending.result()
    assert ahead
    assert max(parsed for parsed, _ in ahead) <= 4096 // len(one) + 1
    assert max(unparsed for _, unparsed in ahead) <= 2**18
    until(lambda: held(server) == 0)


async def test_an_answer_that_is_more_than_all_may_hold_is_not_given(tmp_path):
    async with running(tmp_path, max_buffered_bytes=MIB) as service:
        user = await service.person()
        data = base64.b64encode(png(noise(280, 280))).decode()
        await service.put(user, {"avatar_base64": f"data:image/png;base64,{data}"})
        many = "{" + "".join(f"a{number}: me {{ avatarBase64 }} " for number in range(4)) + "}"
        answer = await service.graphql(user, many)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == Code.UNAVAILABLE
        assert (await service.graphql(user, "{ me { avatarBase64 } }")).status_code == 200


class Holder:
    """Releases its bytes when the test says so, as a connection does a little later."""

    def __init__(self, buffers, size):
        self.buffers, self.size, self.leaving = buffers, size, False
        buffers.update(self)

    def held(self):
        return self.size

    def give_way(self):
        self.leaving = True

    def holds(self, size):
        self.size = size
        self.buffers.update(self)


def test_who_holds_the_most_gives_way_and_of_equal_ones_the_older():
    buffers = Buffers(100)
    holders = [Holder(buffers, size) for size in (30, 40, 20, 40)]
    assert [each.leaving for each in holders] == [False, True, False, False]
    assert (buffers.held, buffers.shed) == (130, 1)
    holders[1].holds(0)
    assert buffers.held == 90
    holders[0].holds(45)
    assert [each.leaving for each in holders] == [True, True, False, False]


def test_one_that_holds_more_than_all_may_gives_way_itself():
    buffers = Buffers(100)
    small, large = Holder(buffers, 50), Holder(buffers, 101)
    assert (small.leaving, large.leaving) == (False, True)


def test_what_was_taken_meanwhile_counts_no_longer():
    buffers = Buffers(100)
    reader = Holder(buffers, 90)
    reader.size = 10  # it read, of which nobody tells
    other = Holder(buffers, 60)
    assert (buffers.held, reader.leaving, other.leaving) == (70, False, False)
    buffers.forget(reader)
    assert buffers.held == 60


def test_what_does_not_fit_has_room_made_for_later_ones():
    buffers = Buffers(100)
    slow, slower = Holder(buffers, 40), Holder(buffers, 50)
    assert buffers.fits(10)
    assert not buffers.fits(30)
    assert (slow.leaving, slower.leaving) == (False, True)
    buffers.forget(slower)
    assert buffers.fits(30)
    assert not buffers.fits(101)
    assert not slow.leaving
    slow.holds(0)
    assert buffers.held == 0


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60), st.booleans()), max_size=40))
def test_the_sum_is_that_of_those_who_hold_whatever_happens(steps):
    buffers = Buffers(100)
    holders = [Holder(buffers, 0) for _ in range(6)]
    for number, size, gone in steps:
        one = holders[number]
        if gone:
            buffers.forget(one)
            holders[number] = Holder(buffers, 0)
        else:
            one.holds(0 if one.leaving else size)
            one.leaving = one.leaving and one.size > 0
        assert buffers.held == sum(each.size for each in holders)
        assert sum(each.size for each in holders if not each.leaving) <= 100
