"""A connection without a network: pieces of bytes in, answers out; and h11 as the judge of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from types import SimpleNamespace
from typing import Any, NamedTuple

import h11
import uvicorn
from uvicorn.server import ServerState

from profile_api.middleware.admission import Admission, Buffers, Refused
from profile_api.server.protocol import GuardedProtocol
from profile_api.settings import Settings


class Request(NamedTuple):
    method: str
    target: bytes
    body: bytes


class Pipe(asyncio.Transport):
    """Takes what is written; says when the other side may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False
        self.closed = False
        self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended
        assert not self.closed
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_write_buffer_size(self) -> int:
        return 0


def config_of(app: Any) -> uvicorn.Config:  # noqa: ANN401  # an ASGI application with its state
    """For connections to an application, without its lifespan."""
    config = uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    return config


async def sent(config: uvicorn.Config, pieces: Iterable[bytes], *, hasty: bool = False) -> bytes:
    """All that is answered to pieces that come one after the other: when all that can be answered
    is, or, ``hasty``, as fast as they are read.
    """
    state = ServerState()
    protocol = GuardedProtocol(config, state, {})
    pipe = Pipe()
    protocol.connection_made(pipe)
    for piece in pieces:
        if not hasty or pipe.paused:
            await _until_it_waits(protocol, pipe)
        if pipe.closed:
            break
        protocol.data_received(piece)
    await _until_it_waits(protocol, pipe)
    protocol.connection_lost(None)
    for task in list(state.tasks):
        await task
    return pipe.written


async def _until_it_waits(protocol: GuardedProtocol, pipe: Pipe) -> None:
    """For the client: nothing is answered before more comes."""
    for _ in range(20_000):
        at_work = protocol.answering
        if at_work is None or at_work.response_complete or pipe.closed:
            if not protocol.pipeline or pipe.closed:
                return
        elif at_work.more_body and not pipe.paused and not at_work.message_event.is_set():
            await asyncio.sleep(0)
            if not at_work.message_event.is_set() and not at_work.response_complete:
                return
        # Some of it happens in threads.
        await asyncio.sleep(0 if _ < 50 else 0.0005)
    raise AssertionError("it does not come to an end")


class Echo:
    """Answers what it was asked; keeps it in ``asked``."""

    def __init__(self) -> None:
        admission = Admission(10, 10, Buffers(2**26))
        self.state = SimpleNamespace(settings=_limits(), admission=admission)
        self.asked: list[Request] = []
        self.refused: list[str] = []

    async def __call__(
        self,
        scope: Any,  # noqa: ANN401  # ASGI's
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        body, more = b"", "refused" not in scope["state"]
        refused = scope["state"].get("refused")
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                body += message["body"]
                more = message["more_body"]
        except Refused as cut:
            refused = cut.error
        target = scope["raw_path"]
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        if refused is None:
            self.asked.append(Request(scope["method"], target, body))
        else:
            self.refused.append(refused.code)
            body = b""
        headers = [(b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "headers": headers}
        await send(start | {"status": 200 if refused is None else 400})
        await send({"type": "http.response.body", "body": body})


def judged(stream: bytes) -> tuple[list[Request], bool]:
    """The requests that h11 finds, and whether it finds nothing wrong behind them.

    Blank lines before a request are passed over (RFC 9112 section 2.2), which h11 leaves to others.
    """
    requests: list[Request] = []
    while True:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=2**20)
        connection.receive_data(re.sub(rb"^(\r\n)+", b"", stream))
        try:
            request = _next(connection)
        except h11.RemoteProtocolError:
            return requests, False
        if request is None:
            return requests, True
        requests.append(request)
        connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE:
            return requests, True
        stream, _ = connection.trailing_data


def _next(connection: h11.Connection) -> Request | None:
    head, body = None, b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            # As in ASGI: without the authority, and without a mark of an empty query.
            target = re.sub(rb"^[a-z]+://[^/?]*", b"", head.target).removesuffix(b"?")
            return Request(head.method.decode("ascii"), target, body)
        else:
            return None


def _limits() -> Settings:
    return Settings(_env_file=None, issuers=[], max_body_bytes=2**20)


_echo = Echo()
_config = config_of(_echo)
_loop = asyncio.new_event_loop()


def request_framing(data: bytes) -> None:
    """A stream is answered the same however it is cut, and no request is found in it that h11 does
    not find, with that very body. The first byte says where to cut.
    """
    at, stream = (data[0] * 257, data[1:]) if data else (0, b"")
    at %= len(stream) + 1
    whole = _answered([stream])
    for pieces in ([stream[:at], stream[at:]], [stream[at : at + 1] for at in range(len(stream))]):
        assert _answered([each for each in pieces if each]) == whole, pieces
    if _LOOSE.search(stream):
        return
    requests, _ = judged(stream)
    asked = whole[1]
    assert asked == requests[: len(asked)], (asked, requests)


def _answered(pieces: list[bytes]) -> tuple[bytes, list[Request], list[str]]:
    _echo.asked, _echo.refused = [], []
    return _loop.run_until_complete(sent(_config, pieces)), _echo.asked, _echo.refused


# httptools reads several spaces within a request line and half a line end before it (RFC 9112
# sections 2.2 and 3 let it), where h11 refuses.
_LOOSE = re.compile(rb"  |(?<!\r)\n|\r(?!\n)")
_HEAD = b" HTTP/1.1\r\nHost: x\r\n"
_CHUNKS = b"2;e=1\r\nhe\r\n0\r\nT: a\r\n\r\n"
_OFFER = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
SEEDS = [
    b"\x05PUT /a?b%bContent-Length: 5\r\n\r\nhelloGET /%b\r\n" % (_HEAD, _HEAD),
    b"\x40POST /c%bTransfer-Encoding: chunked\r\n\r\n%b" % (_HEAD, _CHUNKS),
    b"\x50PUT /d%b%bContent-Length: 2\r\n\r\nhiGET /e%b\r\n" % (_HEAD, _OFFER, _HEAD),
    b"\x20GET /f%bConnection: close\r\n\r\nGET /g%b\r\n" % (_HEAD, _HEAD),
    b"\x01GET /h HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
]
