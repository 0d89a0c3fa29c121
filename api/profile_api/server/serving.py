"""Running uvicorn until a signal, with a checked start and a graceful end."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from profile_api.app import create_app
from profile_api.middleware.admission import Admission
from profile_api.server.listening import ACCEPTED_AT_ONCE, BACKLOG, accepting
from profile_api.server.protocol import GuardedProtocol
from profile_api.settings import Settings
from profile_api.telemetry import logs, siblings

# An orchestrator usually leaves ten seconds between SIGTERM and SIGKILL: requests that are not
# finished after six are answered 503, and connections closed a second later.
PATIENCE_SECONDS = 6
GRACE_SECONDS = 7
LOOK_SECONDS = 1.0
# Files that a worker opens beside its clients' connections: the store, pictures, what it imports.
OTHER_FILES = 256
# Allocations between two garbage collections; the default, 700, collects every second request.
GARBAGE_EVERY = 20_000


class GuardedServer(uvicorn.Server):
    """uvicorn's server, with a timer for overdue requests and metrics."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        siblings.announce()
        # Objects of the start are permanent: collecting them again would cost a tenth of an update.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_EVERY)
        self._looking = asyncio.create_task(self._look())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._end_overdue, float("inf"))
        await super().shutdown(sockets)
        self._looking.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.config.loaded:
            self._admission.draining = True
        super().handle_exit(sig, frame)

    def handle_hangup(self, *_: object) -> None:
        if self.config.loaded:
            self.config.loaded_app.state.reloads.ask()

    @property
    def _admission(self) -> Admission:
        admission: Admission = self.config.loaded_app.state.admission
        return admission

    async def _look(self) -> None:
        while True:
            self._end_overdue(asyncio.get_running_loop().time())
            self.config.loaded_app.state.metrics.sample()
            await asyncio.sleep(LOOK_SECONDS)

    def _end_overdue(self, now: float) -> None:
        self._admission.end_overdue(now)
        for connection in list(self.server_state.connections):
            if isinstance(connection, GuardedProtocol):
                connection.end_overdue(now)


def application(settings: Settings) -> FastAPI:
    """The application of a worker process."""
    try:
        logs.configure(settings.log)
        return create_app(settings)
    except Exception as error:  # noqa: BLE001  # its supervisor decides what follows
        sentence = str(error).replace("\n", " ")
        typer.secho(f"profile-service: a worker cannot start: {sentence}", fg="red", err=True)
        sys.exit(STARTUP_FAILURE)


def serve(
    app: FastAPI, settings: Settings, listener: socket.socket, *, reload: bool = True
) -> None:
    """Serves ``app``, made with the same settings.

    SIGHUP has policies and key files read again; without ``reload`` it ends the process.
    """
    _run(_config(app, settings), settings, listener, reload=reload)


def work(settings: Settings, listener: socket.socket) -> None:
    """Serves as a worker process, which makes its application once it has a loop."""
    _run(_config(partial(application, settings), settings, factory=True), settings, listener)


def _may_open_files_for(max_connections: int) -> None:
    """Raises the limit on open files, often 1,024, as far as this process itself may.

    Without a file to open, connections are reset instead of refused, and requests fail.
    """
    wanted = 2 * max_connections + ACCEPTED_AT_ONCE + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _run(
    config: uvicorn.Config, settings: Settings, listener: socket.socket, *, reload: bool = True
) -> None:
    _may_open_files_for(settings.max_connections)
    server = GuardedServer(config)
    # uvicorn ends by the signal that stopped it, but orchestrators expect status 0. A signal before
    # uvicorn has installed its handlers is kept.
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, server.handle_exit)
    if reload:
        signal.signal(signal.SIGHUP, server.handle_hangup)
    # Its supervisor has a worker hold them back until now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP, signal.SIGINT])
    server.run(accepting(listener))
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _config(
    app: Callable[..., Any], settings: Settings, *, factory: bool = False
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        log_config=None,
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
