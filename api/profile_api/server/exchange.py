"""One request and its response on a connection: uvicorn's cycle, with a graceful close."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from profile_api.middleware.admission import Refused
from profile_domain.errors import DomainError

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPResponseStartEvent

_CONTENT_TOO_LARGE: Final = 413
_LENGTH: Final = b"content-length"
# RFC 9110 section 5.5: a value has no control characters but the tab.
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Exchange(RequestResponseCycle):
    """Whether the connection is kept depends on the head and on the application, never on how much
    of the body has arrived, so that a request has the same response however it is fragmented.

    ``drainable``: the body has a length within the limits, and may be read and discarded after an
    early response. ``size``: bytes held in memory.
    """

    drainable: bool
    written: Callable[[int], None]
    size = 0
    refused: DomainError | None = None
    closes = False
    _until_close = False
    _asked = False
    _start: HTTPResponseStartEvent | None = None

    async def receive(self) -> ASGIReceiveEvent:
        """Raises Refused after the bytes that came, if the connection has ended the request."""
        self._asked = True
        if self.refused is not None and not self.body:
            raise Refused(self.refused)
        return await super().receive()

    async def send(self, message: ASGISendEvent) -> None:
        """Returns once the client has taken a part of a stream, but for 64 KiB, so that no further
        part waits in memory. Raises ClientDisconnect if the client has left a stream.
        """
        if message["type"] == "http.response.start" and not self.response_started:
            if _LENGTH in dict(message.get("headers", ())):
                self._start = message  # until its body is there
            else:
                await self._begin(message)
            return
        body = message.get("body", b"") if message["type"] == "http.response.body" else b""
        if self._start is not None:
            start, self._start = self._start, None
            if not message.get("more_body"):
                self._send_whole(start, body)
                return
            await self._begin(start)
        if self._until_close:
            self.expected_content_length = len(body)
        await super().send(message)
        self.written(len(body))
        if message.get("more_body"):
            await self.flow.drain()
            if self.disconnected:
                raise ClientDisconnect

    async def _begin(self, start: HTTPResponseStartEvent) -> None:
        """Sends the head of a stream."""
        if self._lasts_until_close(start):
            # Chunks are not for clients of HTTP/1.0 (RFC 9112 section 6.1).
            self._until_close = True
            self.chunked_encoding = False
        self.keep_alive &= not self._leaves_some_of_its_body(start["status"])
        await super().send(start)
        # uvicorn would close at once. With unread bytes, TCP then resets the connection, and the
        # response may be lost (RFC 9112 section 9.6), so it is closed in steps.
        self.closes = not self.keep_alive
        self.keep_alive = True

    def _send_whole(self, start: HTTPResponseStartEvent, body: bytes) -> None:
        """Head and body in one piece, the same bytes as uvicorn's in a third of its time."""
        if self.disconnected:
            return
        if self.scope["method"] == "HEAD":
            body = b""
        elif len(body) != int(dict(start["headers"])[_LENGTH]):
            raise RuntimeError("Response content is not as long as its Content-Length")
        headers = [*self.default_headers, *start["headers"]]
        if _CONTROL.search(b"".join([value for _, value in headers])):
            raise RuntimeError("Invalid HTTP header value.")
        self.closes = not self.keep_alive or self._leaves_some_of_its_body(start["status"])
        if self.closes:
            headers.append((b"connection", b"close"))
        head = [STATUS_LINE[start["status"]]]
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        head.append(b"\r\n")
        self.response_started = self.response_complete = True
        self.transport.writelines((b"".join(head), body))
        self.message_event.set()
        self.on_response()
        self.written(len(body))

    def _leaves_some_of_its_body(self, status: int) -> bool:
        if self.refused is not None or status == _CONTENT_TOO_LARGE:
            return True
        return not self._asked and not self.drainable

    def _lasts_until_close(self, start: HTTPResponseStartEvent) -> bool:
        return self.scope["http_version"] == "1.0" and _LENGTH not in dict(start.get("headers", ()))
