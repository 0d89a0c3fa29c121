"""Lists the project's files whose code runs for an update, by PUT and by mutation, on each store.

``.venv/bin/python tools/request_path.py``. A warm service in this process answers one request over
a socket under ``sys.setprofile``; the metrics' and the log's code counts too.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import threading
import time
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import uvicorn

from profile_api.app import create_app
from profile_api.cli.signing import token_for
from profile_api.rest.documented import ME
from profile_api.server.protocol import GuardedProtocol
from profile_api.server.serving import GuardedServer
from profile_api.settings import Settings
from profile_api.telemetry import logs
from profile_domain.people import new_profile, read_record
from profile_infra.stores.by_url import migrate
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_infra.tokens.issuers import Issuer
from profile_testing.postgres_database import new_database
from profile_testing.postgres_server import PostgresServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MEASURED = 3
ROOT = Path(__file__).resolve().parent.parent
ROOMS = tuple(str(ROOT / room) for room in ("api/", "domain/", "graphql/"))
TENANT = UUID("7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f")
MUTATION = (
    "mutation ($name: String) { updateMyProfile(input: {displayName: $name})"
    " { ... on Profile { name etag } ... on ProfileError { code message } } }"
)


def request(face: str, name: str) -> tuple[str, str, object]:
    if face == "PUT":
        return "PUT", ME, {"display_name": name}
    return "POST", "/graphql", {"query": MUTATION, "variables": {"name": name}}


@asynccontextmanager
async def serving(url: str) -> AsyncIterator[tuple[int, str]]:
    """The port, and the headers of a person."""
    issuer = Issuer(
        issuer="https://path.invalid",
        audience=("path",),
        algorithms=("HS256",),
        secret="no-real-secret-but-long-enough-for-this",  # noqa: S106  # of this process alone
    )
    settings = Settings(_env_file=None, database_url=url, issuers=[issuer])
    user = User(new_profile(TENANT, uuid4(), read_record("ada@example.org", "local", {})))
    store = settings.store()
    await store.open()
    await store.apply(Author("", "", "import", "path"), [user], [])
    await store.close()
    config = uvicorn.Config(
        create_app(settings), port=0, http=GuardedProtocol, ws="none", lifespan="on",
        log_config=None, proxy_headers=False, server_header=False,
    )  # fmt: skip
    server = GuardedServer(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    token = token_for(issuer, user)
    try:
        yield port, f"Authorization: Bearer {token}\r\nX-Tenant-ID: {TENANT}\r\n"
    finally:
        server.should_exit = True
        await running


async def files_of(url: str, face: str) -> list[str]:
    """Those that run for each of three requests, and not just for the server's timer."""
    runs: list[set[str]] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(ROOMS):
            runs[-1].add(str(Path(frame.f_code.co_filename).relative_to(ROOT)))

    async with serving(url) as (port, headers):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(2 + MEASURED):
            method, path, content = request(face, f"n{number}-{time.time_ns()}")
            body = json.dumps(content)
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            if number >= 2:  # warm by now
                runs.append(set())
                threading.setprofile(note)
                sys.setprofile(note)
            writer.write((head + body).encode())
            status = await reader.readline()
            await asyncio.sleep(0.05)
            sys.setprofile(None)
            threading.setprofile(None)
            assert b" 200 " in status, status  # noqa: S101
            await reader.read(65536)
        writer.close()
    return sorted(set.intersection(*runs))


async def main() -> None:
    logs.configure("json", io.StringIO())
    server = PostgresServer()
    try:
        with TemporaryDirectory() as folder:
            sqlite = f"sqlite:///{Path(folder) / 'profile.db'}"
            await asyncio.to_thread(migrate, sqlite)
            async with new_database(server.url) as database:
                await database.migrate()
                for store, url in (("SQLite", sqlite), ("Postgres", database.url)):
                    for face in ("PUT", "Mutation"):
                        files = await files_of(url, face)
                        print(f"\n{face}, {store}: {len(files)} files")
                        print("\n".join(f"  {each}" for each in files))
    finally:
        server.remove()


if __name__ == "__main__":
    asyncio.run(main())
