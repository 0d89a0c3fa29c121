"""Reloading files when they change; if the new content is invalid, the old stays in use."""

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
_log.setLevel(logging.INFO)  # operators wait for the message that files were read again


class Reloaded(Generic[T]):
    """``current`` is the last valid value.

    ``name`` identifies it in ``readyz``. ``files`` gives the paths to watch. ``read`` loads them,
    in a thread except for the first time, and raises ``refusal`` if they are invalid.
    ``on_replaced`` is called with the old and the new value. Raises what ``read`` raises.
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
        self.outdated = False  # whether the files have changed to something invalid
        self.on_replaced = on_replaced
        self._files = files
        self._read = read
        self._refusal = refusal
        self._read_at = self._seen = self._stamp()
        self.current = read()

    async def look(self, *, asked: bool = False) -> None:
        """Reads the files if ``asked``, or if they have changed but not since the last call, so
        that several files can be written one after the other.
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
        except Exception:  # noqa: BLE001  # no error may stop the use of the old value
            self.outdated = True
            _log.exception("%s not replaced, the old stay in force", self.name)
        else:
            before, self.current = self.current, fresh
            self.outdated = False
            self.on_replaced(before, fresh)
            _log.info("%s read again", self.name)

    def _stamp(self) -> list[tuple[object, ...]]:
        """Differs after a file was written or replaced, or a link on its path changed."""
        return [_stamp_of(path) for path in self._files()]


def _stamp_of(path: Path) -> tuple[object, ...]:
    try:
        found = os.stat(path)  # noqa: PTH116  # faster than Path.stat()
    except OSError as error:
        return str(path), error.errno
    except ValueError:  # no file can have this name
        return (str(path),)
    return str(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Reloads:
    """Watches all reloaded files of a service, in the event loop of ``running``."""

    def __init__(self, watched: Sequence[Reloaded[Any]]) -> None:
        self._watched = watched
        self._asked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def outdated(self) -> list[str]:
        """The names of those whose current files are invalid."""
        return [each.name for each in self._watched if each.outdated]

    def ask(self) -> None:
        """Requests that all files are read again; callable from any thread or signal handler."""
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
