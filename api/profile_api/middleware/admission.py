"""Admission control: limits on concurrent requests and on their duration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profile_api.middleware.buffers import Buffers
from profile_domain.errors import DomainError, unavailable

# Always admitted, so that an overloaded service can be observed.
_ALWAYS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_NEVER: Final = float("inf")
SMALL: Final = 64 * 1024  # bytes of a response that usually fit into the socket's send buffer

Refuse = Callable[[Scope, DomainError], Response]


class Refused(Exception):
    """The connection ends the request early; ``error`` is the response."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error.code)
        self.error = error


@dataclass(slots=True, eq=False)
class _Work:
    task: asyncio.Task[object] | None
    due: float
    overdue: bool = False


class Admission:
    """Admits at most ``most`` concurrent requests, each for at most ``seconds``.

    A request that waits for its body is not counted: slow clients do not use up the limit, their
    time is limited by the protocol, and their memory by ``buffers``.
    """

    def __init__(self, most: int, seconds: float, buffers: Buffers) -> None:
        self.buffers = buffers
        self.at_work = 0
        self.shed = 0
        self.draining = False
        self._most = most
        self._seconds = seconds
        self._begun: set[_Work] = set()

    def end_overdue(self, now: float) -> None:
        """Answers overdue requests with ``unavailable``. Called once a second."""
        for work in self._begun:
            if now > work.due:
                work.due = _NEVER
                work.overdue = True
                if work.task is not None:
                    work.task.cancel()

    def middleware(self, app: ASGIApp, *, refuse: Refuse) -> ASGIApp:
        async def admit(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and "refused" in scope["state"]:
                error = scope["state"]["refused"]  # by the connection
                await refuse(scope, error)(scope, receive, send)
            elif scope["type"] != "http" or scope["path"] in _ALWAYS:
                await app(scope, receive, send)
            elif self.at_work >= self._most:
                self.shed += 1
                await refuse(scope, unavailable())(scope, receive, send)
            else:
                await self._within_limits(app, refuse, scope, receive, send)

        return admit

    def _has_room_for(self, answer: int) -> bool:
        return answer <= SMALL or self.buffers.fits(answer)

    async def _within_limits(
        self, app: ASGIApp, refuse: Refuse, scope: Scope, receive: Receive, send: Send
    ) -> None:
        now = asyncio.get_running_loop().time
        work = _Work(asyncio.current_task(), now() + self._seconds)
        answered = shed = False

        async def receive_at_leisure() -> Message:
            self.at_work -= 1
            work.due = _NEVER
            try:
                return await receive()
            finally:
                self.at_work += 1
                work.due = now() + self._seconds

        async def send_and_note(message: Message) -> None:
            nonlocal answered, shed
            if not answered and not self._has_room_for(_length(message)):
                shed = True
                self.shed += 1
                await refuse(scope, unavailable())(scope, receive, send)
            answered = True
            if not shed:
                await send(message)

        self.at_work += 1
        self._begun.add(work)
        try:
            await app(scope, receive_at_leisure, send_and_note)
        except asyncio.CancelledError:
            if not work.overdue or answered or work.task is None:
                raise
            work.task.uncancel()
            await refuse(scope, unavailable())(scope, receive, send)
        finally:
            self.at_work -= 1
            self._begun.discard(work)


def _length(message: Message) -> int:
    """The Content-Length of a response, 0 if it has none."""
    for name, value in message.get("headers", ()):
        if name == b"content-length":
            return int(value)
    return 0
