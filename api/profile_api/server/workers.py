"""A supervisor of worker processes that share a socket: starts, replaces and ends them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from socket import socket
from tempfile import TemporaryDirectory
from typing import Final

import structlog
from uvicorn.config import STARTUP_FAILURE

from profile_api.telemetry.metrics import SHARED

Work = Callable[[socket], None]

# A worker that does not end in this many seconds is killed.
END_SECONDS: Final = 9
# Between two attempts to replace a worker.
PAUSE_SECONDS: Final = 0.5
# A signal does not interrupt the wait for the workers.
POLL_SECONDS: Final = 0.1

_spawn = multiprocessing.get_context("spawn")


def run(work: Work, listener: socket, count: int) -> None:
    """Runs ``work`` in ``count`` processes until SIGTERM or SIGINT; SIGHUP is passed on to them.

    A worker that cannot start ends all, because the next would fail too. Raises SystemExit.
    """
    with TemporaryDirectory(prefix="profile-metrics-") as folder:
        os.environ[SHARED] = folder
        workers = _Workers(work, listener)
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: workers.end())
        signal.signal(signal.SIGHUP, lambda *_: workers.hang_up())
        for number in range(count):
            workers.start(f"worker-{number}")
        workers.watch()
    if workers.failed:
        raise SystemExit(STARTUP_FAILURE)


def end_with_parent() -> None:
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
        self._end_by: float | None = None

    def start(self, name: str) -> None:
        """``name`` identifies its metrics; a replacement has the same."""
        process = _spawn.Process(target=self._work, args=(self._listener,), name=name)
        # Until it listens, a worker holds back the signal, which would end it.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
        self._processes[process.sentinel] = process
        if self._end_by is not None:  # a signal came between
            process.terminate()

    def end(self) -> None:
        if self._end_by is None:
            self._end_by = time.monotonic() + END_SECONDS
        for process in self._processes.values():
            process.terminate()

    def hang_up(self) -> None:
        """Has all read their files again."""
        for process in list(self._processes.values()):
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, signal.SIGHUP)

    def watch(self) -> None:
        """Returns when no worker is left."""
        while self._processes:
            for sentinel in wait(list(self._processes), timeout=POLL_SECONDS):
                assert isinstance(sentinel, int)  # noqa: S101  # for the type checker: given so
                self._ended(self._processes.pop(sentinel))
            if self._end_by is not None:
                self._listener.close()  # else clients would wait to be accepted
                if time.monotonic() > self._end_by:
                    for process in self._processes.values():
                        process.kill()

    def _ended(self, process: SpawnProcess) -> None:
        process.join()
        if self._end_by is not None:
            return
        if process.exitcode == STARTUP_FAILURE:
            self.failed = True
            self.end()
        else:
            log = structlog.get_logger()
            log.error("a worker died and is replaced", pid=process.pid, exit=process.exitcode)
            time.sleep(PAUSE_SECONDS)
            if self._end_by is None:
                self.start(process.name)
