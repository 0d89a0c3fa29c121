"""A supervisor of worker processes that share a socket: starts, replaces and ends them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from profile_api.server.imports import lasting_imports
from profile_api.settings import Settings
from profile_api.telemetry import logs, siblings
from profile_api.telemetry.metrics import SHARED

Work = Callable[[socket], None]

# How the command ends when no worker can start, as uvicorn does.
STARTUP_FAILURE: Final = 3
# A worker that does not end in this many seconds is killed.
END_SECONDS: Final = 9
# Seconds before workers are replaced: the first, doubled with each that ends soon, up to the last.
# With the time that a start takes, all serve within 20 seconds of the end of an outage.
FIRST_PAUSE: Final = 0.5
LAST_PAUSE: Final = 5.0
SOON_SECONDS: Final = 60.0
# A signal does not interrupt the wait for the workers.
POLL_SECONDS: Final = 0.1
# How a worker ends that a signal to the whole process group reaches while it starts.
_ASKED: Final = frozenset({-signal.SIGTERM, -signal.SIGINT})

_spawn = multiprocessing.get_context("spawn")


def run(settings: Settings, listener: socket, count: int) -> None:
    """Serves in ``count`` processes until SIGTERM or SIGINT; SIGHUP is passed on to them.

    A worker that ends is replaced, again and again with growing pauses where it cannot start; but
    while none has served yet, all are ended. Raises SystemExit.
    """
    workers = _Workers(partial(_work, settings), listener)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: workers.end())
    signal.signal(signal.SIGHUP, lambda *_: workers.hang_up())
    with TemporaryDirectory(prefix="profile-metrics-") as folder:
        os.environ[SHARED] = folder
        workers.watch(Path(folder), count)
    if workers.failed:
        raise SystemExit(STARTUP_FAILURE)


def _work(settings: Settings, listener: socket) -> None:
    _end_with_parent()
    with lasting_imports():
        from profile_api.server import serving  # noqa: PLC0415  # the supervisor does without it

    serving.work(settings, listener)


def _end_with_parent() -> None:
    """Ends a worker when its parent process is gone, for whatever reason."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


class _Workers:
    def __init__(self, work: Work, listener: socket) -> None:
        self.failed = False
        self._work = work
        self._listener = listener
        self._processes: dict[int, SpawnProcess] = {}
        self._started: dict[str, float] = {}
        self._served = False
        self._end_by: float | None = None
        # Those to start, and when. After a start that failed, one goes ahead of the others.
        self._waiting: list[str] = []
        self._pause = self._due = 0.0
        self._failing = False
        self._ahead: str | None = None

    def end(self) -> None:
        if self._end_by is None:
            self._end_by = time.monotonic() + END_SECONDS
        for process in list(self._processes.values()):
            process.terminate()

    def hang_up(self) -> None:
        """Has all read their files again."""
        for process in list(self._processes.values()):
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGHUP)

    def watch(self, folder: Path, count: int) -> None:
        """Returns when no worker is left, after ``end`` was called or none could start."""
        self._waiting = [f"worker-{number}" for number in range(count)]
        for name in self._waiting:
            siblings.marker(folder, name).touch()
        while self._processes or self._end_by is None:
            self._start_due(folder)
            for sentinel in wait(list(self._processes), timeout=POLL_SECONDS):
                assert isinstance(sentinel, int)  # noqa: S101  # for the type checker: given so
                self._ended(self._processes.pop(sentinel), folder)
            if self._end_by is not None:
                self._listener.close()  # else clients would wait to be accepted
                if time.monotonic() > self._end_by:
                    for process in self._processes.values():
                        process.kill()

    def _start_due(self, folder: Path) -> None:
        if self._ahead is not None:
            if siblings.marker(folder, self._ahead).exists():
                return
            self._ahead, self._failing = None, False
        while self._waiting and self._end_by is None and time.monotonic() >= self._due:
            name = self._waiting.pop(0)
            self._start(name)
            if self._failing:
                self._ahead = name
                return

    def _start(self, name: str) -> None:
        """``name`` identifies its metrics; a replacement has the same."""
        self._started[name] = time.monotonic()
        process = _spawn.Process(target=self._work, args=(self._listener,), name=name)
        # Until it has its handlers, a worker holds back what would end it; SIGTERM may.
        held_back = [signal.SIGHUP, signal.SIGINT]
        signal.pthread_sigmask(signal.SIG_BLOCK, held_back)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, held_back)
        self._processes[process.sentinel] = process
        if self._end_by is not None:  # a signal came between
            process.terminate()

    def _ended(self, process: SpawnProcess, folder: Path) -> None:
        process.join()
        name, now = process.name, time.monotonic()
        marker = siblings.marker(folder, name)
        self._served = self._served or siblings.missing(folder) < len(self._started)
        self._failing = self._failing or marker.exists()
        if name == self._ahead:
            self._ahead = None
        marker.touch()
        mark_process_dead(name, folder)  # type: ignore[no-untyped-call]  # it has none
        if self._end_by is not None:
            return
        about = {"level": "error", "worker": name, "pid": process.pid, "exit": process.exitcode}
        log = partial(logs.request_log(), **about)
        if not self._served and process.exitcode not in _ASKED:
            log("a worker cannot start, and none has served yet: the command ends")
            self.failed = True
            self.end()
            return
        soon = now - self._started[name] < SOON_SECONDS
        self._pause = min(max(FIRST_PAUSE, self._pause * 2 if soon else 0), LAST_PAUSE)
        self._due = now + self._pause
        self._waiting.append(name)
        log("a worker ended and is replaced", pause=self._pause)
