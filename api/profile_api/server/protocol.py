"""The HTTP/1.1 protocol, with limits on size and time of what clients send."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, BaseTransport, Transport
from typing import TYPE_CHECKING, Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from profile_api.middleware.admission import Buffers
from profile_api.server.exchange import Exchange
from profile_api.server.heads import Head, Target, target_of
from profile_api.settings import Settings
from profile_domain.errors import Code, DomainError, unavailable

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

NEVER: Final = float("inf")
# After an early response the client may go on sending for this long, with pauses of at most this
# long. Closing at once could make TCP discard the response.
LINGER: Final = 30.0
LINGER_PAUSE: Final = 5.0
_SLICE: Final = 4_096  # bytes given to the parser at once, so that few requests are parsed ahead
# Memory in bytes of a queued request, and of each of its headers, without the body.
_QUEUED: Final = 4_096
_HEADER: Final = 256
_NOWHERE: Final = Target("", b"", b"")


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the limits of the application's settings.

    Bytes go to the parser unchanged, and only the parser interprets them. Refused requests are
    answered by the application, in the order of requests: ``state["refused"]`` of the scope holds
    the error, and reading a body that is refused raises ``Refused``.

    Timeouts are checked for all connections once a second, because a timer for each request would
    cost more than all other limits.
    """

    cycle: Exchange

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits: Settings = config.loaded_app.state.settings
        self.buffers: Buffers = config.loaded_app.state.admission.buffers
        # The deadline for the client to send a complete head or body.
        self.due = NEVER
        self.lingers_until = NEVER
        self.piece = 0
        self.received = 0  # bytes since the piece in which the message began
        self.earlier = 0  # of them, in that piece, possibly of an earlier message
        self.begun = False
        self.in_head = True
        self.offered = False  # Upgrade: the parser halts after this head
        self.crowded = False
        self.deaf = False  # further input is discarded
        self.last = False  # no request follows this one
        self.closing = False  # all is answered, and our direction is closed
        self.answering: Exchange | None = None
        self.postponed = False  # answering begins once the client has taken earlier responses
        self.head = Head([], max_headers=0)
        self.now = 0.0
        self.unparsed = b""  # input that waits for earlier requests to be answered
        self.bodies = 0
        self.body = 0  # bytes of this message's so far
        self.unsent = 0
        self.ended = False  # the client sends nothing more

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("Transport", transport))
        self.due = self.loop.time() + self.limits.header_seconds
        most = self.limits.max_connections
        self.crowded = len(self.connections) > most
        if len(self.connections) > most + max(8, most // 8):
            self._refuse(unavailable())  # far too many: not even their heads are read

    def connection_lost(self, exc: Exception | None) -> None:
        self.deaf = True
        if self.answering is not None:
            self.answering.disconnected = True
        super().connection_lost(exc)
        # They know this connection: a circle, which would stay in memory until it is collected.
        self.cycle = self.answering = None  # type: ignore[assignment]  # nobody asks for it again
        self.pipeline.clear()
        self.unparsed = b""
        self.buffers.forget(self)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's gives nothing
        """A client may close its direction after its requests and wait for the responses."""
        self.ended = True
        answering = self.answering
        return answering is not None and not (answering.response_complete or answering.more_body)

    def data_received(self, data: bytes) -> None:
        self.now = now = self.loop.time()
        if self.deaf:
            if self.closing:
                self.due = min(now + LINGER_PAUSE, self.lingers_until)
            return
        if self.due == NEVER and self.in_head:
            self.due = now + self.limits.header_seconds
        elif self.lingers_until != NEVER:
            self.due = min(now + LINGER_PAUSE, self.lingers_until)
        self._unset_keepalive_if_required()
        self.unparsed += data
        self._parse()
        if self.bodies:
            self.buffers.update(self)

    def _parse(self) -> None:
        """Parses the input until a request has to wait for an earlier one."""
        data, at = self.unparsed, 0
        self.unparsed = b""
        while at < len(data) and not self.pipeline and not self.deaf:
            part = data if len(data) <= _SLICE else memoryview(data)[at : at + _SLICE]
            at += len(part)
            self.piece = len(part)
            self.received += self.piece
            try:
                self._feed(part)
            except httptools.HttpParserError:
                self._refuse(DomainError(Code.INVALID_HTTP))
            if self.received > self.limits.max_header_bytes:
                self._look_at_what_is_large()
        if at < len(data) and not self.deaf:
            self.unparsed = data[at:]
            self.flow.pause_reading()
            self.buffers.update(self)

    def _look_at_what_is_large(self) -> None:
        most = self.limits.max_header_bytes
        if self.in_head:
            if self.begun and (self.received - self.earlier > most or self.head.size() > most):
                self._refuse(DomainError(Code.HEADERS_TOO_LARGE))
        elif self.received - self.earlier - self.body > 4 * most + self.body // 2:
            # The sizes of chunks, their extensions and trailers: the body itself has its own limit.
            self._refuse(DomainError(Code.PAYLOAD_TOO_LARGE))

    def _feed(self, rest: bytes | memoryview) -> None:
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as halt:
                if self.deaf:
                    return
                (read,) = halt.args
                rest = rest[read:]
                # This parser takes what follows for another protocol. A new parser that sees the
                # head without Upgrade continues where it halted.
                head = self.head.without_offer(
                    self.parser.get_method(), self.parser.get_http_version()
                )
                self.offered = False
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                self.parser.feed_data(head)
            else:
                return

    def on_message_begin(self) -> None:
        if self.last:  # input after the last request is ignored (RFC 9112 section 9.6)
            self.deaf = True
            self.due = NEVER
        if self.deaf:
            return
        self._begin_head()
        self.begun = True
        self.body = 0
        if self.due == NEVER:
            self.due = self.now + self.limits.header_seconds

    def _begin_head(self) -> None:
        super().on_message_begin()
        self.head = Head(self.headers, max_headers=self.limits.max_headers)

    def on_url(self, url: bytes) -> None:
        if not self.deaf:
            self.head.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.deaf and self.in_head:  # trailers are ignored
            self.head.add(name, value)

    def on_headers_complete(self) -> None:
        if self.deaf:
            return
        method = self.parser.get_method()
        if self.parser.should_upgrade() and method != b"CONNECT":
            self.offered = True
            return
        version = self.parser.get_http_version()
        head, most = self.head, self.limits.max_header_bytes
        target = target_of(head.url, method=method)
        if head.too_many or (self.received > most and head.size() > most):
            self._refuse(DomainError(Code.HEADERS_TOO_LARGE))
        elif target is None or method == b"CONNECT" or not head.is_sound(version):
            self._refuse(DomainError(Code.INVALID_HTTP))
        elif self.crowded:
            self._refuse(unavailable())
        else:
            self.last = version == "1.0" or not self.parser.should_keep_alive()
            self.in_head = False
            if version == "1.1":
                self.expect_100_continue = head.expects_100()
            else:
                self.scope["http_version"] = version
            self._answer(method.decode("ascii"), target)

    def on_body(self, body: bytes) -> None:
        cycle, size = self.cycle, len(body)
        self.body += size
        if self.deaf or cycle.response_complete:
            return
        cycle.body += body
        cycle.size += size
        self.bodies += size
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self.deaf or self.offered:
            return
        super().on_message_complete()
        if self.cycle is self.answering and not self.postponed:
            self._release(self.cycle)
        self.begun = False
        self.in_head = True
        self.received = self.earlier = self.piece
        self.due = self.lingers_until = NEVER
        if self.cycle.response_complete and not self.deaf:
            self._wait_for_the_next()

    def on_response_complete(self) -> None:
        cycle = cast("Exchange", self.answering)
        self._release(cycle)
        if cycle.closes:
            self.server_state.total_requests += 1
            self._close_in_order()
        else:
            super().on_response_complete()
            self._go_on()
            if not (self.in_head or self.deaf or self.pipeline) and self.cycle is cycle:
                # Before the complete body: the rest must follow soon.
                self._unset_keepalive_if_required()
                now = self.loop.time()
                self.lingers_until = now + LINGER
                self.due = now + LINGER_PAUSE

    def _go_on(self) -> None:
        """Parses input that came while earlier requests were answered."""
        if self.unparsed and not self.pipeline:
            self._unset_keepalive_if_required()
            self.now = self.loop.time()
            self._parse()
        if self.pipeline or self.unparsed:
            self.flow.pause_reading()
        elif self.ended and (self.begun or self.cycle.response_complete):
            self.transport.close()

    def _wait_for_the_next(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.begun and not self.deaf:
            self.due = NEVER
        self.buffers.update(self)
        if self.postponed and self.answering is not None:
            self._start_asgi_task(self.answering, self.app)

    def shutdown(self) -> None:
        if self.answering is not None and not self.answering.response_complete:
            self.last = True
            self.cycle.keep_alive = False
            self.cycle.closes = self.cycle.closes or self.cycle.response_started
        else:
            self.transport.close()

    def end_overdue(self, now: float) -> None:
        """Ends what took too long, with a response if it can be assigned to a request."""
        if self.transport.is_closing() or self.flow.write_paused:
            # The client does not read the response. At the end of the process ``now`` is infinite.
            if self.due == NEVER:
                self.due = now + self.limits.body_seconds
            if now >= self.due:
                self.transport.abort()
        elif now <= self.due:
            return
        elif self.in_head and self.flow.read_paused:
            self.due = NEVER  # it may have arrived, but reading is paused
        elif self.deaf or not self.begun or self.lingers_until != NEVER:
            self.deaf = True
            self.transport.close()
        else:
            self._refuse(DomainError(Code.REQUEST_TIMEOUT))

    def held(self) -> int:
        if not self.transport.get_write_buffer_size():
            self.unsent = 0
        return self.bodies + self.unsent + len(self.unparsed)

    def give_way(self) -> None:
        """Refuses a request that is being read; aborts if responses are not being read."""
        if self.transport.get_write_buffer_size() or self.deaf or self.in_head or self.pipeline:
            self.deaf = True
            self.pipeline.clear()
            self.unparsed = b""
            self.transport.abort()
        else:
            self._refuse(unavailable())

    def _release(self, cycle: Exchange) -> None:
        if cycle.size:
            self.bodies -= cycle.size
            cycle.size = 0
            self.buffers.update(self)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.answering = cast("Exchange", cycle)
        # A response that could not be written would wait in memory, and counted nowhere.
        self.postponed = self.flow.write_paused
        if self.postponed:
            self.due = NEVER
        elif not self.answering.more_body:
            self._release(self.answering)
        else:
            self.due = self.loop.time() + self.limits.body_seconds
        if not self.postponed:
            super()._start_asgi_task(cycle, app)

    def _answer(self, method: str, target: Target, refused: DomainError | None = None) -> None:
        """Has the application answer, after the requests before."""
        scope = self.scope
        scope["method"] = method
        scope["path"] = self.root_path + target.path
        scope["raw_path"] = self.root_path.encode("ascii") + target.raw_path
        scope["query_string"] = target.query
        cycle = Exchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=not self.last,
            on_response=self.on_response_complete,
        )
        length = self.head.length()
        cycle.drainable = length == 0 or (
            length <= self.limits.max_body_bytes and not self.expect_100_continue
        )
        cycle.written = self._written
        if refused is not None:
            scope["state"]["refused"] = cycle.refused = refused
            cycle.more_body = False
        before, self.cycle = cast("Exchange | None", self.cycle), cycle
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.due = NEVER  # its body is read when the requests before it are answered
            cycle.size = _QUEUED + _HEADER * len(self.headers)
            self.bodies += cycle.size
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))
            self.buffers.update(self)

    def _written(self, size: int) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting:
            # asyncio keeps the whole buffer, with the head, until its last byte is sent; one that
            # is never empty, as of a stream, takes at most twice what waits in it.
            self.unsent = min(self.unsent, 2 * waiting) + size + _QUEUED
            self.buffers.update(self)

    def _refuse(self, error: DomainError) -> None:
        """Has the application answer with the error, and discards further input."""
        if self.deaf:
            return
        self.deaf = self.last = True
        self.due = NEVER
        self._unset_keepalive_if_required()
        if self.in_head:
            if not self.begun:
                self._begin_head()
            method = self.parser.get_method().decode("ascii") if self.head.url else ""
            self._answer(method, target_of(self.head.url) or _NOWHERE, error)
        elif not self.cycle.response_complete:
            self.cycle.refused = error
            self.cycle.closes = self.cycle.closes or self.cycle.response_started
            self.cycle.message_event.set()
        else:
            self._close_in_order()

    def _close_in_order(self) -> None:
        """Closes our direction, then waits for the client to close (RFC 9112 section 9.6)."""
        self.deaf = self.last = self.closing = True
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        self.unparsed = b""
        self.bodies = 0
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self.transport.write_eof()
        now = self.loop.time()
        self.lingers_until = now + LINGER
        self.due = now + LINGER_PAUSE
