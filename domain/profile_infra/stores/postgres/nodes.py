"""The node of Postgres that serves: found among the hosts of the URL, watched, and left."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import asyncpg
from pydantic_core import MultiHostUrl

from profile_infra.stores.postgres.failures import FAILURES

# asyncpg does not declare its types (PEP 561).
Connection = Any

# Seconds that one host has to accept a connection. asyncpg's own limit covers all hosts together.
HOST_SECONDS: Final = 2.0
# Seconds between two questions to the node, and until one without an answer means that it is gone.
WATCH_SECONDS: Final = 1.0
SILENCE_SECONDS: Final = 3.0

# What makes a node useless, by the ``target_session_attrs`` of the URL.
_USELESS: Final = {
    "read-write": "SELECT current_setting('transaction_read_only')::boolean",
    "primary": "SELECT pg_is_in_recovery()",
}

_log = logging.getLogger(__name__)


class Nodes:
    """All connections go to one node, the first host of the URL that accepts them.

    ``watch`` asks the node every second, on a connection of its own. One that has become a standby
    or read-only, where the URL's ``target_session_attrs`` asks for more, or that is silent for
    3 s, is left: all connections are closed, busy ones too, without cancelling what runs on them.
    """

    def __init__(self, url: str, *, prepared: bool) -> None:
        """Raises ValueError for a URL that cannot be read."""
        parts = urlsplit(url)
        wanted = parse_qs(parts.query).get("target_session_attrs", [""])[-1]
        self._useless = _USELESS.get(wanted, "SELECT false")
        self._url = url
        self._hosts = _hosts(url) if "," in parts.netloc.rpartition("@")[2] else [{}]
        self._place = 0
        self._found = False
        self._search: asyncio.Task[None] | None = None
        self._options = {
            "timeout": HOST_SECONDS,
            "statement_cache_size": 100 if prepared else 0,
            "max_cached_statement_lifetime": 0,
        }
        self._watched: Connection = None
        self._open: set[Connection] = set()
        self._times_left = 0

    async def connect(self) -> Connection:
        """A connection to the node. Raises FAILURES."""
        if not self._found:
            await self.find()
        place = self._place
        try:
            return await self._connect_to(place)
        except FAILURES:
            if place == self._place:
                self._found = False
            raise

    async def find(self) -> None:
        """Tries the hosts one after another, the last node first; concurrent calls share it.

        Raises FAILURES of a host.
        """
        if self._search is None:
            self._search = asyncio.create_task(self._find())
        await asyncio.shield(self._search)

    async def watch(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            with suppress(*FAILURES):
                await self._look()

    def leave(self) -> None:
        """Closes all connections. What runs on them goes on in Postgres, its outcome unknown."""
        self._times_left += 1
        self._found = False
        for connection in list(self._open):
            connection.terminate()

    async def _look(self) -> None:
        if self._watched.is_closed():
            await self.find()
        # Not a time limit of asyncpg's, whose cancelling asks a silent node once more.
        silence = asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._leave, "silent")
        try:
            useless = await self._watched.fetchval(self._useless)
        finally:
            silence.cancel()
        if useless:
            self._leave("read-only")

    def _leave(self, reason: str) -> None:
        _log.warning("The node of Postgres is %s: all connections to it are closed.", reason)
        self.leave()

    async def _find(self) -> None:
        failures: list[Exception] = []
        try:
            for place in dict.fromkeys((self._place, *range(len(self._hosts)))):
                try:
                    await self._watch_on(place)
                except FAILURES as error:
                    failures.append(error)
                else:
                    return
        finally:
            self._search = None
        mismatches = asyncpg.TargetServerAttributeNotMatched
        raise next((each for each in failures if not isinstance(each, mismatches)), failures[0])

    async def _watch_on(self, place: int) -> None:
        connection = await self._connect_to(place)
        if place != self._place:
            self._open.discard(connection)
            self.leave()
            self._open.add(connection)
        elif self._watched is not None:
            self._watched.terminate()
        self._place, self._found, self._watched = place, True, connection

    async def _connect_to(self, place: int) -> Connection:
        before = self._times_left
        connection = await asyncpg.connect(self._url, **self._options, **self._hosts[place])
        if before != self._times_left:
            connection.terminate()
            raise ConnectionResetError
        self._open = {each for each in self._open if not each.is_closed()} | {connection}
        return connection


def _hosts(url: str) -> list[dict[str, object]]:
    """The arguments of asyncpg that replace all hosts of the URL by each of them."""
    hosts = MultiHostUrl(url).hosts()
    return [
        {"host": (each["host"] or "").strip("[]")}
        | ({"port": each["port"]} if each["port"] else {})
        for each in hosts
    ]
