"""One request and its response on a connection: uvicorn's cycle, with a graceful close."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from profile_api.middleware.admission import Refused
from profile_domain.errors import DomainError

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPResponseStartEvent

_CONTENT_TOO_LARGE: Final = 413


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
        if self.response_started:
            if self._until_close and message["type"] == "http.response.body":
                self.expected_content_length = len(message.get("body", b""))
            await super().send(message)
            if message["type"] == "http.response.body":
                self.written(len(message.get("body", b"")))
                if message.get("more_body"):
                    await self.flow.drain()
                    if self.disconnected:
                        raise ClientDisconnect
            return
        if message["type"] == "http.response.start" and self._leaves_some_of_its_body(
            message["status"]
        ):
            self.keep_alive = False
        if message["type"] == "http.response.start" and self._lasts_until_close(message):
            # Chunks are not for clients of HTTP/1.0 (RFC 9112 section 6.1).
            self._until_close = True
            self.chunked_encoding = False
        await super().send(message)
        # uvicorn would close at once. With unread bytes, TCP then resets the connection, and the
        # response may be lost (RFC 9112 section 9.6), so it is closed in steps.
        self.closes = not self.keep_alive
        self.keep_alive = True

    def _leaves_some_of_its_body(self, status: int) -> bool:
        if self.refused is not None or status == _CONTENT_TOO_LARGE:
            return True
        return not self._asked and not self.drainable

    def _lasts_until_close(self, start: HTTPResponseStartEvent) -> bool:
        return self.scope["http_version"] == "1.0" and not any(
            name.lower() == b"content-length" for name, _ in start.get("headers", ())
        )
