"""Admission control: limits on concurrent requests and on their duration."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from profile_api.middleware.buffers import Buffers
from profile_domain.errors import DomainError

# Always admitted, so that an overloaded service can be observed.
_ALWAYS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_NEVER: Final = float("inf")
SMALL: Final = 64 * 1024  # bytes of a response that usually fit into the socket's send buffer


class Refused(Exception):
    """The connection ends the request early; ``error`` is the response."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error.code)
        self.error = error


@dataclass(slots=True, eq=False)
class Work:
    """An admitted request; ``overdue`` once it was cancelled for taking too long."""

    task: asyncio.Task[object] | None
    counted: bool
    due: float = _NEVER
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
        self._begun: set[Work] = set()

    def end_overdue(self, now: float) -> None:
        """Answers overdue requests with ``unavailable``. Called once a second."""
        for work in self._begun:
            if now > work.due:
                work.due = _NEVER
                work.overdue = True
                if work.task is not None:
                    work.task.cancel()

    def admits(self, path: str) -> bool:
        """Whether one more request may begin; one that may not is counted as shed."""
        if self.at_work < self._most or path in _ALWAYS:
            return True
        self.shed += 1
        return False

    def begin(self, path: str) -> Work:
        work = Work(asyncio.current_task(), counted=path not in _ALWAYS)
        self._begun.add(work)
        self.resume(work)
        return work

    def pause(self, work: Work) -> None:
        """The request waits for its client."""
        self.at_work -= work.counted
        work.due = _NEVER

    def resume(self, work: Work) -> None:
        self.at_work += work.counted
        if work.counted:
            work.due = asyncio.get_running_loop().time() + self._seconds

    def end(self, work: Work) -> None:
        self.at_work -= work.counted
        self._begun.discard(work)

    def has_room_for(self, answer: int) -> bool:
        """Whether an answer of so many bytes can wait for its client; counted as shed if not."""
        if answer <= SMALL or self.buffers.fits(answer):
            return True
        self.shed += 1
        return False
