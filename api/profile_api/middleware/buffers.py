"""A limit on the memory held for all slow clients together."""

from __future__ import annotations

from typing import Protocol


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
