"""Limits on concurrent requests, on their duration, and on the memory held for slow clients."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

from profile_domain.errors import DomainError

T = TypeVar("T")

# Always admitted, so that an overloaded service can be observed.
_ALWAYS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_NEVER: Final = float("inf")
SMALL: Final = 64 * 1024  # bytes of a response that usually fit into the socket's send buffer


class Refused(Exception):
    """The connection ends the request early; ``error`` is the response."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(error.code)
        self.error = error


class Holder(Protocol):
    """A connection that holds bytes in memory."""

    def held(self) -> int:
        """The bytes of incomplete requests, and of responses that the client has not read."""

    def give_way(self) -> None:
        """Releases its bytes soon, by refusing the request or closing the connection."""


class Buffers:
    """At most ``most`` bytes are held for all clients together.

    Over that, the connection with the most bytes is shed, the older of two equal ones. Clients that
    read and send at a normal pace hold little.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0
        self.shed = 0
        self._by_holder: dict[Holder, int] = {}
        self._leaving: set[Holder] = set()  # shed, but counted until their bytes are released

    def update(self, holder: Holder) -> None:
        """Must be called whenever the bytes held by a connection change."""
        held = holder.held()
        if held == 0:
            self.forget(holder)
            return
        self.held += held - self._by_holder.get(holder, 0)
        self._by_holder[holder] = held
        if self.held > self.most:
            self._make_room_for(0)

    def forget(self, holder: Holder) -> None:
        """Must be called when a connection is closed."""
        self.held -= self._by_holder.pop(holder, 0)
        self._leaving.discard(holder)

    def fits(self, size: int) -> bool:
        """Whether ``size`` more bytes are within the limit; if not, connections are shed."""
        if self.held + size > self.most >= size:
            self._make_room_for(size)
        return self.held + size <= self.most

    def _make_room_for(self, size: int) -> None:
        # Bytes sent by the socket are not reported, so the figures may be too high.
        self._by_holder = {
            holder: held for holder in self._by_holder if (held := holder.held()) > 0
        }
        self._leaving &= self._by_holder.keys()
        self.held = sum(self._by_holder.values())
        staying = {
            holder: held for holder, held in self._by_holder.items() if holder not in self._leaving
        }
        stays = sum(staying.values())
        while staying and stays + size > self.most:
            heaviest = max(staying, key=staying.__getitem__)
            stays -= staying.pop(heaviest)
            self._leaving.add(heaviest)
            self.shed += 1
            heaviest.give_way()


class Work:
    """A request; ``overdue`` once it was cancelled for taking too long.

    ``status`` is its answer's, 0 until that has begun.
    """

    __slots__ = ("counted", "due", "overdue", "status", "task")

    def __init__(self, path: str) -> None:
        self.counted = path not in _ALWAYS
        self.status = 0
        self.task: asyncio.Task[object] | None = None
        self.due = _NEVER
        self.overdue = False


class Admission:
    """Admits at most ``most`` concurrent requests, each for at most ``seconds``.

    A request that waits for its body, or for its client to take a part of a stream, is not counted:
    slow clients do not use up the limit, their time is limited by the protocol, and their memory by
    ``buffers``.
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

    def admits(self, work: Work) -> bool:
        """Whether one more request may begin; one that may not is counted as shed."""
        if self.at_work < self._most or not work.counted:
            return True
        self.shed += 1
        return False

    def begin(self, work: Work) -> None:
        work.task = asyncio.current_task()
        self._begun.add(work)
        self._resume(work)

    async def at_leisure(self, work: Work, client: Awaitable[T]) -> T:
        """What the request waits for from its client."""
        self.at_work -= work.counted
        work.due = _NEVER
        try:
            return await client
        finally:
            self._resume(work)

    def _resume(self, work: Work) -> None:
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
