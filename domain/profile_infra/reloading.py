"""What files say, read again when they change: whole, or what was read before stays in force."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

LOOK_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)  # that it was read again is what an operator waits for


class Reloaded(Generic[T]):
    """``current`` is what was read last.

    ``name`` is what it goes by in ``readyz``. ``files`` gives the paths to look at. ``read`` reads
    them, in a thread but for the first time, and raises ``refusal`` where they cannot be used.
    ``on_replaced`` is called with what was in force before and what is now. Raises what ``read``
    does.
    """

    def __init__(
        self,
        name: str,
        *,
        files: Callable[[], Iterable[Path]],
        read: Callable[[], T],
        refusal: type[Exception],
        on_replaced: Callable[[T, T], None] = lambda *_: None,
    ) -> None:
        self.name = name
        self.outdated = False  # whether the files say something else, which cannot be used
        self.on_replaced = on_replaced
        self._files = files
        self._read = read
        self._refusal = refusal
        self._read_at = self._seen = self._stamp()
        self.current = read()

    async def look(self, *, asked: bool = False) -> None:
        """Reads if asked, or if the files have changed, and not since the last look: whoever
        writes several is let finish.
        """
        stamp = await asyncio.to_thread(self._stamp)
        settled, self._seen = stamp == self._seen, stamp
        if asked or (settled and stamp != self._read_at):
            self._read_at = stamp
            await self._read_again()

    async def _read_again(self) -> None:
        try:
            fresh = await asyncio.to_thread(self._read)
        except self._refusal as problem:
            self.outdated = True
            _log.error("%s not replaced, the old stay in force: %s", self.name, problem)
        except Exception:  # noqa: BLE001  # whatever it is, what was read before goes on
            self.outdated = True
            _log.exception("%s not replaced, the old stay in force", self.name)
        else:
            before, self.current = self.current, fresh
            self.outdated = False
            self.on_replaced(before, fresh)
            _log.info("%s read again", self.name)

    def _stamp(self) -> list[tuple[object, ...]]:
        """Differs when a file was written, replaced, or pointed elsewhere by a link on its way."""
        return [_stamp_of(path) for path in self._files()]


def _stamp_of(path: Path) -> tuple[object, ...]:
    try:
        found = os.stat(path)  # noqa: PTH116  # as quick as it gets
    except OSError as error:
        return str(path), error.errno
    return str(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Reloads:
    """Looks after all such files of a service, in the event loop of ``running``."""

    def __init__(self, watched: Sequence[Reloaded[Any]]) -> None:
        self._watched = watched
        self._asked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def outdated(self) -> list[str]:
        """The name of each whose files cannot be used as they are now."""
        return [each.name for each in self._watched if each.outdated]

    def ask(self) -> None:
        """Has all be read again, changed or not; from any thread, or a signal's handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._asked.set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._loop = None
            looking.cancel()
            await asyncio.wait([looking])

    async def _look(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), LOOK_SECONDS)
            asked = self._asked.is_set()
            self._asked.clear()
            for each in self._watched:
                await each.look(asked=asked)
