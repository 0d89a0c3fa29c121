"""The servers that are measured: each a process of its own, on a store of its own."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from postgres_database import new_database
from postgres_server import PostgresServer
from profile_api.people import opened, token_for
from profile_api.settings import Settings
from profile_domain.avatar import Avatar
from profile_domain.people import new_profile, read_record
from profile_infra.issuers import Issuer
from profile_infra.schema_version import migrate
from profile_infra.trail import Author
from profile_infra.users import User

PEOPLE = 64
TENANT = UUID("7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f")
BENCH = Path(__file__).parent
SERVER_CPU, LOAD_CPU = "0", "1"


@dataclass(frozen=True)
class World:
    """64 people, their tokens, and where each program keeps them."""

    folder: Path
    issuer: Issuer
    users: list[User]

    @property
    def people_file(self) -> Path:
        return self.folder / "people.txt"

    @property
    def secret(self) -> str:
        assert self.issuer.secret is not None
        return self.issuer.secret.get_secret_value()


def make_world(folder: Path, *, image: bytes | None = None) -> World:
    issuer = Issuer.model_validate(
        {
            "issuer": "https://bench.invalid",
            "audience": "profile",
            "algorithms": ["HS256"],
            "secret": secrets.token_urlsafe(48),
        }
    )
    avatar = Avatar.of("image/png", image) if image else None
    users = []
    for number in range(PEOPLE):
        record = read_record(f"p{number}@example.com", "local", {"first_name": f"P{number}"})
        profile = new_profile(TENANT, uuid4(), record)
        users.append(User(profile.with_changes({"avatar_base64": avatar}) if avatar else profile))
    world = World(folder, issuer, users)
    lines = [f"{token_for(issuer, user, minutes=600)} {TENANT}" for user in users]
    world.people_file.write_text("\n".join(lines) + "\n")
    return world


@dataclass
class Target:
    """A running server; ``writes`` counts what its store has taken."""

    name: str
    process: subprocess.Popen[bytes]
    port: int

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def started(
    name: str, command: list[str], port: int, environment: dict[str, str]
) -> Iterator[Target]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PROFILE_")}
    process = subprocess.Popen(
        ["taskset", "-c", SERVER_CPU, *command], env=kept | environment, cwd=BENCH
    )
    try:
        for _ in range(400):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)
            else:
                break
        yield Target(name, process, port)
    finally:
        process.terminate()
        process.wait(20)


def settings_of(world: World, url: str) -> dict[str, str]:
    issuer = world.issuer.model_dump(mode="json", exclude_none=True) | {"secret": world.secret}
    issuer.pop("discovery")
    return {
        "PROFILE_DATABASE_URL": url,
        "PROFILE_ISSUERS": json.dumps([issuer]),
        "PROFILE_RATE_LIMIT": "off",
    }


@contextmanager
def ours(world: World, url: str, port: int) -> Iterator[Target]:
    """``profile-service serve`` with every check on, but for the rate limit."""
    command = [str(Path(sys.executable).with_name("profile-service")), "serve", "--port", str(port)]
    with started("ours", command, port, settings_of(world, url)) as target:
        yield target


@contextmanager
def bare(world: World, kind: str, url: str, port: int) -> Iterator[Target]:
    """The bare program on the same server, uvicorn with uvloop and httptools."""
    command = [
        sys.executable, "-m", "uvicorn", f"bare:{kind}", "--factory", "--port", str(port),
        "--log-level", "warning", "--no-access-log",
    ]  # fmt: skip
    environment = {"BENCH_DATABASE": url, "BENCH_SECRET": world.secret}
    with started(f"bare {kind}", command, port, environment) as target:
        yield target


def fill_ours(world: World, url: str) -> None:
    migrate(url)
    asyncio.run(_fill(world, url))


BARE_TABLE = (
    "CREATE TABLE bare (tenant_id text, id text, email text, display_name text, image {bytes},"
    " version bigint, PRIMARY KEY (tenant_id, id))"
)


def bare_rows(world: World) -> list[tuple[str, str, str, None, bytes | None, int]]:
    return [
        (
            str(TENANT),
            str(user.profile.id),
            user.profile.email,
            None,
            user.profile.avatar.image if user.profile.avatar else None,
            1,
        )
        for user in world.users
    ]


@contextmanager
def postgres(world: World) -> Iterator[tuple[str, str]]:
    """A Postgres with its own defaults, both stores filled; the URLs for ours and for the bare."""
    server = PostgresServer(
        fsync="on", shared_buffers="128MB", max_connections="100", max_wal_size="1GB"
    )
    try:
        with asyncio.Runner() as runner:
            databases = new_database(server.url)
            database = runner.run(databases.__aenter__())
            runner.run(database.migrate())
            runner.run(_fill(world, database.url))
            runner.run(_fill_bare(world, database.admin))
            yield database.url, database.admin
            runner.run(databases.__aexit__(None, None, None))
    finally:
        server.remove()


async def _fill_bare(world: World, url: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.execute(BARE_TABLE.format(bytes="bytea"))
    await connection.executemany(
        "INSERT INTO bare VALUES ($1, $2, $3, $4, $5, $6)", bare_rows(world)
    )
    await connection.close()


async def _fill(world: World, url: str) -> None:
    settings = Settings(_env_file=None, database_url=url)  # type: ignore[call-arg]  # pydantic-settings takes it
    async with opened(settings) as store:
        await store.apply(Author("", "", "bench", "bench"), world.users, [])


def fill_bare_sqlite(world: World, file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute(BARE_TABLE.format(bytes="blob"))
        db.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?)", bare_rows(world))
    db.close()
