"""Serving until told to stop: uvicorn, with a start that is checked and a clean end."""

from __future__ import annotations

import signal

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from profile_api.app import create_app
from profile_api.settings import Settings

# Below the ten seconds that an orchestrator usually leaves between SIGTERM and SIGKILL.
GRACE_SECONDS = 8


def from_environment() -> FastAPI:
    """The application of a worker process."""
    return create_app(Settings())


def serve(app: FastAPI | None, *, host: str, port: int, workers: int = 1) -> None:
    """Serves ``app``, or the environment's in as many processes as there are workers."""
    config = uvicorn.Config(
        app or f"{__name__}:{from_environment.__name__}",
        factory=app is None,
        host=host,
        port=port,
        workers=workers,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    if workers > 1:
        processes = Multiprocess(config, sockets=[config.bind_socket()])
        processes.run()
        if any(process.exitcode == STARTUP_FAILURE for process in processes.processes):
            raise SystemExit(STARTUP_FAILURE)
        return
    # uvicorn ends with the signal that stopped it; for an orchestrator a wanted end is status 0.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)
