"""How much is at work at once, and for how long: what is too much is refused before it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profile_api.middleware.buffers import Buffers
from profile_domain.errors import DomainError, unavailable

# What an operator asks of a service that is overloaded.
_ALWAYS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_NEVER: Final = float("inf")
SMALL: Final = 64 * 1024  # bytes of an answer that most clients' systems take at once

Refuse = Callable[[Scope, DomainError], Response]


class Refused(Exception):
    """The request is cut short by the connection; ``error`` is what its client is to be told."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error.code)
        self.error = error


@dataclass(slots=True, eq=False)
class _Work:
    task: asyncio.Task[object] | None
    due: float
    overdue: bool = False


class Admission:
    """At most ``most`` requests are at work, each for ``seconds`` at most.

    One that waits for its client to send the body is not at work: slow clients take no room from
    others, and the time that they have is the protocol's. What they hold in memory meanwhile is
    bounded by ``buffers``.
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
        """Has what is overdue answered ``unavailable``; for a clock that calls once a second."""
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
    """Of the body that an answer begins, as far as it says."""
    for name, value in message.get("headers", ()):
        if name == b"content-length":
            return int(value)
    return 0
