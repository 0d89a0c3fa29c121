"""HTTP as it arrives: how much a client may send before it is understood, and how slowly."""

from __future__ import annotations

import re
from asyncio import AbstractEventLoop, BaseTransport, Transport
from typing import Any, Final, cast
from uuid import uuid4

from pydantic_core import to_json
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from profile_api.errors import STATUS
from profile_api.headers import ON_EVERY_ANSWER
from profile_api.settings import Settings
from profile_domain.errors import Code, DomainError, unavailable

NEVER: Final = float("inf")
# How long, in seconds, a client that was refused may go on before its connection is cut. Closing
# at once would have TCP throw away an answer that the client has not read yet.
LINGER: Final = 2.0
_UPGRADE: Final = re.compile(rb"\n[Uu]pgrade:")
_FRAMING: Final = 8  # a chunk of one byte takes six on the wire


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits, which it finds in the application's settings.

    What takes too long is found by looking at all connections once a second: a timer for each
    request would cost more than all else here.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits: Settings = config.loaded_app.state.settings
        # When the client must have sent what it owes: a whole head, a whole body.
        self.due = NEVER
        self.received = 0
        self.begun = False
        self.in_head = True
        self.refused = False

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("Transport", transport))
        self.due = self.loop.time() + self.limits.header_seconds
        if len(self.connections) > self.limits.max_connections:
            self._refuse(unavailable())

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self.received += len(data)
        if self.due == NEVER:
            self.due = self.loop.time() + self.limits.header_seconds
        if self.in_head and b"pgrade:" in data:
            data = _without_upgrade(data)
        super().data_received(data)
        if self.received <= self.limits.max_header_bytes or self.refused:
            return
        if self.in_head:
            self._refuse(DomainError(Code.HEADERS_TOO_LARGE))
        elif self.received > self.limits.max_header_bytes + _FRAMING * self.limits.max_body_bytes:
            # Chunk extensions and trailers count: the body itself is refused much earlier.
            self._refuse(DomainError(Code.PAYLOAD_TOO_LARGE))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.begun = True

    def on_headers_complete(self) -> None:
        if self.refused:
            return
        if self._head_is_too_large():
            self._refuse(DomainError(Code.HEADERS_TOO_LARGE))
            return
        super().on_headers_complete()
        self.headers = []  # trailers say nothing here, and must not pass for headers
        self.in_head = False
        # A pipelined request is not read on before its turn comes.
        self.due = NEVER if self.pipeline else self.loop.time() + self.limits.body_seconds

    def on_body(self, body: bytes) -> None:
        if not self.refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.refused:
            return
        super().on_message_complete()
        self.begun = False
        self.in_head = True
        self.received = 0
        self.due = NEVER

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.in_head or self.refused or self.transport.is_closing():
            return
        if self._answered:  # before the whole body came: the rest has little time to follow
            self._unset_keepalive_if_required()
            self.due = self.loop.time() + LINGER
        elif not self.pipeline:
            self.due = self.loop.time() + self.limits.body_seconds

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.begun and not self.refused:
            self.due = NEVER

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # the contract has one sentence
        self._refuse(DomainError(Code.INVALID_HTTP))

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that came in pieces, or spelled as nobody does, was not seen in time: the
        parser reads nothing more, so this request, without its body, is the last one.
        """
        self._refuse(DomainError(Code.INVALID_HTTP))

    def end_overdue(self, now: float) -> None:
        """Ends what took too long, with an answer where one can still be told from others."""
        if self.transport.is_closing() or self.flow.write_paused:
            # The client does not read what it asked for.
            if self.due == NEVER:
                self.due = now + self.limits.body_seconds
            elif now > self.due:
                self.transport.abort()
        elif now > self.due:
            if self.refused or not self.begun or (self._answered and not self.in_head):
                self.refused = True
                self.transport.close()
            else:
                self._refuse(DomainError(Code.REQUEST_TIMEOUT))

    @property
    def _answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        return cycle is None or cycle.response_complete

    def _head_is_too_large(self) -> bool:
        if len(self.headers) > self.limits.max_headers:
            return True
        if self.received <= self.limits.max_header_bytes:
            return False
        # Some of what was received is body already.
        lines = sum(len(name) + len(value) + 4 for name, value in self.headers)
        return len(self.url) + lines > self.limits.max_header_bytes

    def _refuse(self, error: DomainError) -> None:
        """Answers below the application, and hears no more of this client."""
        self.refused = True
        self._unset_keepalive_if_required()
        if not self._answered:
            if self.in_head or self.pipeline or self.cycle.response_started:
                # An answer now would be taken for that of an earlier request.
                self.cycle.keep_alive = False
                self.due = NEVER
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.due = self.loop.time() + LINGER
        if self.in_head or not self._answered:
            self.transport.write(_answer(error))
            self.transport.write_eof()


def _without_upgrade(data: bytes) -> bytes:
    """No upgrade is offered here, and one may be declined in silence (RFC 9110 section 7.8); but
    the parser would take the body for another protocol's, as with Java's and curl's h2c.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\nX-Declined:", head) + end + body


def _answer(error: DomainError) -> bytes:
    body = to_json(error.as_dict())
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (b"x-request-id", uuid4().hex.encode("ascii")),
        *ON_EVERY_ANSWER,
    ]
    if error.retry_after is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after))
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[STATUS[error.code]], *lines, b"\r\n", body])
