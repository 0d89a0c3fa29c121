"""How much memory clients take up together, and who gives way when it is too much."""

from __future__ import annotations

from typing import Protocol


class Holder(Protocol):
    """A connection, as far as it keeps bytes here."""

    def held(self) -> int:
        """Bytes that came and are not answered yet, and bytes that the client has not taken."""

    def give_way(self) -> None:
        """Lets go of what it holds, at the latest in the next turn of the event loop."""


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

    def update(self, holder: Holder) -> None:
        """Takes note of what a connection holds now; to be called whenever that changes."""
        held = holder.held()
        self.held += held - self._by_holder.get(holder, 0)
        if held:
            self._by_holder[holder] = held
        else:
            self._by_holder.pop(holder, None)
        while self.held > self.most and self._by_holder:
            self._have_one_give_way()

    def forget(self, holder: Holder) -> None:
        """To be called when a connection is gone."""
        self.held -= self._by_holder.pop(holder, 0)

    def _have_one_give_way(self) -> None:
        # What is written to a socket is not told of, so the figures may be too high.
        self._by_holder = {
            holder: held for holder in self._by_holder if (held := holder.held()) > 0
        }
        self.held = sum(self._by_holder.values())
        if self.held > self.most:
            heaviest = max(self._by_holder, key=self._by_holder.__getitem__)
            self.forget(heaviest)
            self.shed += 1
            heaviest.give_way()
