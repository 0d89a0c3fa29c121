"""A pool of worker processes that clean and scale pictures.

A process that decodes untrusted bytes holds no secret and no connection, does not block the event
loop, and may crash or hang without harm to other requests.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Final, cast

from profile_domain.errors import Code, FieldRefused, unavailable
from profile_domain.pictures.avatar import MAX_BYTES, Avatar, Upload
from profile_infra.pictures.frames import HEAD, MAX_SECONDS, REFUSED, frame, refusal

MAX_WAITING: Final = 128
SLOW_SECONDS: Final = 0.06  # seconds after which the next picture may start beside it
HURRY_SECONDS: Final = 1.0  # seconds after which a picture is scheduled normally
END_SECONDS: Final = 1.0  # for the end of a process whose pipes are closed
_COMMAND: Final = (sys.executable, "-P", "-m", "profile_infra.pictures.worker")
_NEEDED: Final = re.compile(r"PATH|HOME|TMPDIR|LANG|LC_\w+|(LD|DYLD|PYTHON|COVERAGE)_?\w+")
_CRASHES: Final = {
    -number
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS)
}

_log = logging.getLogger(__name__)


class PictureProcesses:
    """Implements ``Pictures``. Bound to one event loop; ``close`` ends the processes.

    At most ``workers`` pictures are at work at once, each with at most 160 MiB; 128 more wait in
    order, and others are refused with ``unavailable``. One process is used only beside a slow
    picture, so that a person, who sends one at a time, cannot hold up the others. Processes are
    started on demand and kept. A process that takes over ten seconds is killed.
    """

    def __init__(self, workers: int = 2) -> None:
        self._slots = asyncio.Semaphore(max(1, workers - 1))
        self._workers = asyncio.Semaphore(workers)
        self._processes: set[Process] = set()
        self._idle: list[Process] = []
        self._max_pictures = workers + MAX_WAITING
        self._accepted = 0
        self._closed = False

    async def clean(self, upload: Upload) -> Avatar:
        return await self._run(upload.declared_type, upload)

    async def scale(self, stored: Upload, side: int) -> Avatar:
        """A stored picture with no side over ``side`` pixels; never scaled up."""
        return await self._run(f"{side} {stored.declared_type}", stored)

    async def _run(self, kind: str, upload: Upload) -> Avatar:
        if self._closed or self._accepted >= self._max_pictures:
            raise unavailable()
        self._accepted += 1
        try:
            async with self._slots:
                done = asyncio.create_task(self._done(kind, upload))
                try:
                    await asyncio.wait([done], timeout=SLOW_SECONDS)
                except asyncio.CancelledError:
                    done.cancel()
                    raise
            return await done
        finally:
            self._accepted -= 1

    async def close(self) -> None:
        """Kills the processes; running calls raise ``unavailable``."""
        self._closed = True
        for process in list(self._processes):
            await self._end(process)

    async def _done(self, kind: str, upload: Upload) -> Avatar:
        async with self._workers:
            process = await self._idle_process()
            try:
                async with asyncio.timeout(MAX_SECONDS):
                    avatar = await _exchange(process, kind, upload)
            except FieldRefused:
                self._idle.append(process)
                raise
            except (OSError, EOFError, TimeoutError) as error:
                # Killing what ends just now could lose its status (Popen.send_signal collects it).
                ends = not isinstance(error, TimeoutError)
                status = await self._end(process, within=END_SECONDS if ends else 0.0)
                _log.warning("A picture's process ended before its picture, with %d", status)
                if status in _CRASHES:
                    raise FieldRefused(Code.AVATAR_CORRUPT) from None
                raise unavailable() from None
            except BaseException:  # the state of the pipe is unknown
                await self._end(process)
                raise
            self._idle.append(process)
            return avatar

    async def _idle_process(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
            await self._end(process)
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=PIPE, stdout=PIPE, limit=MAX_BYTES, env=_environment()
        )
        self._processes.add(process)
        return process

    async def _end(self, process: Process, *, within: float = 0.0) -> int:
        """Its status. Kills it unless it ends by itself ``within`` seconds."""
        self._processes.discard(process)
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                return await process.wait()
        with suppress(ProcessLookupError):
            process.kill()
        return await process.wait()


async def _exchange(process: Process, kind: str, upload: Upload) -> Avatar:
    sent, answer = cast(StreamWriter, process.stdin), cast(StreamReader, process.stdout)
    hurry = asyncio.get_running_loop().call_later(HURRY_SECONDS, _hurry, process)
    try:
        sent.write(frame(kind, upload.base64))
        head = await answer.readexactly(HEAD.size)
        name, data = [await answer.readexactly(length) for length in HEAD.unpack(head)]
    finally:
        hurry.cancel()
    if name.decode() == REFUSED:
        raise refusal(data)
    return Avatar.of(name.decode(), data)


def _hurry(process: Process) -> None:
    """Without an idle core, a process under SCHED_IDLE might never run."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(process.pid, os.SCHED_OTHER, os.sched_param(0))


def _environment() -> dict[str, str]:
    """What an interpreter starts with; anything else may be a secret, such as PGPASSWORD."""
    return {name: value for name, value in os.environ.items() if _NEEDED.fullmatch(name)}
