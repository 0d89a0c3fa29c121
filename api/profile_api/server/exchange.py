"""One request and its answer on a connection: uvicorn's cycle, with an end that clients survive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from profile_api.middleware.admission import Refused
from profile_domain.errors import DomainError

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

_CONTENT_TOO_LARGE: Final = 413


class Exchange(RequestResponseCycle):
    """Whether the connection goes on is decided by the head and by what the application does, never
    by how much of the body has come: so a request is answered the same however it is cut.

    ``drainable``: its body has a length that is within the limits, and may be read to its end and
    thrown away behind an early answer. ``size``: bytes that it holds in memory.
    """

    drainable: bool
    written: Callable[[int], None]
    size = 0
    refused: DomainError | None = None
    closes = False
    _asked = False

    async def receive(self) -> ASGIReceiveEvent:
        """Raises Refused behind what came, where the connection has cut the request short."""
        self._asked = True
        if self.refused is not None and not self.body:
            raise Refused(self.refused)
        return await super().receive()

    async def send(self, message: ASGISendEvent) -> None:
        if self.response_started:
            await super().send(message)
            if message["type"] == "http.response.body":
                self.written(len(message.get("body", b"")))
            return
        if message["type"] == "http.response.start" and self._leaves_some_of_its_body(
            message["status"]
        ):
            self.keep_alive = False
        await super().send(message)
        # uvicorn closes at once; unread bytes then make TCP take the answer back (RFC 9112
        # section 9.6), so the connection closes in steps.
        self.closes = not self.keep_alive
        self.keep_alive = True

    def _leaves_some_of_its_body(self, status: int) -> bool:
        if self.refused is not None or status == _CONTENT_TOO_LARGE:
            return True
        return not self._asked and not self.drainable
