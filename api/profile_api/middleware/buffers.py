"""How much memory clients take up together, and who gives way when it is too much."""

from __future__ import annotations

from typing import Protocol


class Holder(Protocol):
    """A connection, as far as it keeps bytes here."""

    def held(self) -> int:
        """Bytes of what came and is not whole yet, and of answers that the client has not taken."""

    def give_way(self) -> None:
        """Lets go of what it holds, soon."""


class Buffers:
    """At most ``most`` bytes are held for all clients together.

    Where that is passed, the connection that holds the most gives way, the older of two equal
    ones: who reads and sends at a usual pace holds little.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0
        self.shed = 0
        self._by_holder: dict[Holder, int] = {}
        self._leaving: set[Holder] = set()  # they count until what they hold is gone

    def update(self, holder: Holder) -> None:
        """Takes note of what a connection holds now; to be called whenever that changes."""
        held = holder.held()
        if held == 0:
            self.forget(holder)
            return
        self.held += held - self._by_holder.get(holder, 0)
        self._by_holder[holder] = held
        if self.held > self.most:
            self._make_room_for(0)

    def forget(self, holder: Holder) -> None:
        """To be called when a connection is gone."""
        self.held -= self._by_holder.pop(holder, 0)
        self._leaving.discard(holder)

    def fits(self, size: int) -> bool:
        """Whether so many bytes more are within the bound; if not, room is made for later ones."""
        if self.held + size > self.most >= size:
            self._make_room_for(size)
        return self.held + size <= self.most

    def _make_room_for(self, size: int) -> None:
        # What is written to a socket is not told of, so the figures may be too high.
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
