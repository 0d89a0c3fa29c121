"""What the guards cost a request: each figure is a ratio of two variants, in interleaved rounds of one run.

``python bench/cost.py``: uvicorn's protocol alone against ours, with an application that does
nothing; and the service's update of a name with log and metrics against one without.
"""

from __future__ import annotations

import asyncio
import io
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import FastAPI
from reports.results import environment, summary
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from profile_api.app import create_app
from profile_api.cli.store import opened
from profile_api.middleware.each_request import EachRequest
from profile_api.rest.documented import ME
from profile_api.server.protocol import GuardedProtocol
from profile_api.settings import Settings
from profile_api.telemetry import logs
from profile_domain.people import new_profile, read_record
from profile_infra.stores.by_url import migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_infra.tokens.issuers import Issuer
from profile_infra.tokens.jose import sign

TENANT = UUID("7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f")
ISSUER = Issuer(
    issuer="https://cost.invalid",
    audience=("cost",),
    algorithms=("HS256",),
    secret="no-real-secret-but-long-enough-for-this",
)
ROUNDS = 40


class Wire(asyncio.Transport):
    """Takes what is written, and nothing more."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...
    def close(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


async def nothing(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # ASGI's
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body"})


async def by_protocol(kind: type[HttpToolsProtocol], app: FastAPI, count: int) -> float:
    config = uvicorn.Config(app, log_config=None, ws="none", proxy_headers=False)
    config.load()
    config.loaded_app = app if kind is GuardedProtocol else nothing
    protocol = kind(config, ServerState(), {}, asyncio.get_running_loop())
    if kind is GuardedProtocol:
        protocol.app = nothing  # any application will do
    protocol.connection_made(Wire())  # all that is used of a transport
    headers = "".join(f"X-Header-{n}: some value of usual length\r\n" for n in range(10))
    request = f"GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
    started = time.perf_counter()
    for _ in range(count):
        protocol.data_received(request)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return time.perf_counter() - started


async def by_service(ask: Callable[[int], Awaitable[None]], count: int) -> float:
    started = time.perf_counter()
    for number in range(count):
        await ask(number)
    return time.perf_counter() - started


def asking(
    app: Any, headers: list[tuple[bytes, bytes]]
) -> Callable[[int], Awaitable[None]]:  # any ASGI application
    async def ask(number: int) -> None:
        body = json.dumps({"display_name": f"n{number}"}).encode()
        scope = {
            "type": "http", "http_version": "1.1", "method": "PUT", "path": ME, "root_path": "",
            "raw_path": ME.encode(), "query_string": b"", "headers": headers,
            "state": {"request_id": "r"},
        }  # fmt: skip

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            assert message.get("status", 200) == 200

        await app(scope, receive, send)

    return ask


def ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


async def main() -> None:
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/profile.db"
        migrate(url)
        settings = Settings(_env_file=None, database_url=url, issuers=[ISSUER], rate_limit="off")
        user = User(new_profile(TENANT, uuid4(), read_record("a@example.org", "local", {})))
        async with opened(settings) as store:
            await store.apply(Author("", "", "cost", "cost"), [user], [])
        logs.configure("json", io.TextIOWrapper(io.FileIO("/dev/null", "w")))
        app = create_app(settings)
        claims = {"sub": user.subject, "tenant_id": str(TENANT), "exp": int(time.time()) + 600}
        headers = [
            (b"authorization", f"Bearer {sign(ISSUER, claims)}".encode()),
            (b"x-tenant-id", str(TENANT).encode()),
            (b"content-type", b"application/json"),
        ]
        guarded, alone, seen, unseen = [], [], [], []
        async with app.router.lifespan_context(app):
            around = app.middleware_stack
            assert isinstance(around, EachRequest)
            untold = copy(around)
            untold._tell = lambda *_: None  # type: ignore[method-assign]
            for _ in range(ROUNDS):
                guarded.append(await by_protocol(GuardedProtocol, app, 400))
                alone.append(await by_protocol(HttpToolsProtocol, app, 400))
                seen.append(await by_service(asking(around, headers), 50))
                unseen.append(await by_service(asking(untold, headers), 50))
        now = environment()
        print(f"{summary(now)}\n{now['versions']}")
        print(f"protocol with limits: {ratio(guarded, alone):.3f} times uvicorn's alone")
        print(f"update with log and metrics: {ratio(seen, unseen):.3f} times without")


asyncio.run(main())
