"""Another checkout's service beside this one, in interleaved rounds of one run.

``.venv/bin/python bench/against.py ../before``: the other checkout needs its own environment
(``make .venv/dev`` there). Ratios are this service's to the other's: below 1 for CPU is better.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from reports.results import Row, environment, line, summary, table
from stores import database, fill, postgres_server
from world import PEOPLE, World, make_world
from wrk import Kind, load, require

from profile_infra.stores.by_url import migrate
from profile_testing.postgres_database import connected
from targets import SERVER_CORE, Target, free_port, our_command, settings_of, started

KINDS: list[Kind] = ["put", "mutation", "get", "query"]
COLUMNS = {
    "store": "store", "kind": "request", "connections": "connections", "other|.0f": "CPU µs before",
    "this|.0f": "after", "cpu|.2f": "CPU after / before", "rate|.2f": "requests/s after / before",
}  # fmt: skip


def migrated_by(command: str, url: str, *more: str) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PROFILE_")}
    subprocess.run(
        [command, "migrate", *more], env=kept | {"PROFILE_DATABASE_URL": url}, cwd="/", check=True
    )


async def _copy_users(source: str, target: str) -> None:
    async with connected(source) as read, connected(target) as write:
        rows = await read.fetch("SELECT * FROM users")
        names = list(rows[0].keys())
        await write.copy_records_to_table(
            "users", records=[tuple(row.values()) for row in rows], columns=names
        )


@contextmanager
def sqlite(world: World, command: str) -> Iterator[tuple[str, str]]:
    this, other = (world.folder / name for name in ("this.db", "other.db"))
    migrate(f"sqlite:///{this}")
    fill(world, f"sqlite:///{this}")
    migrated_by(command, f"sqlite:///{other}")
    with sqlite3.connect(other) as db:
        db.execute("ATTACH ? AS this", (str(this),))
        db.execute("INSERT INTO users SELECT * FROM this.users")
    db.close()
    yield f"sqlite:///{this}", f"sqlite:///{other}"


@contextmanager
def postgres(world: World, command: str) -> Iterator[tuple[str, str]]:
    with (
        postgres_server() as server,
        database(server) as this,
        database(server, migrated=False) as other,
    ):
        fill(world, this.url)
        migrated_by(command, other.owner, "--grant-to", other.serving_role)
        asyncio.run(_copy_users(this.admin, other.admin))
        yield this.url, other.url


@contextmanager
def serving(world: World, url: str, command: list[str], port: int) -> Iterator[Target]:
    with started(command[0], command, port, settings_of(world, url), cores=SERVER_CORE) as target:
        yield target


def measure(
    name: str, world: World, urls: tuple[str, str], other: str, args: argparse.Namespace
) -> Iterator[Row]:
    ports = free_port(), free_port()
    commands = our_command(ports[0]), [other, *our_command(ports[1])[1:]]
    with (
        serving(world, urls[0], commands[0], ports[0]) as this_service,
        serving(world, urls[1], commands[1], ports[1]) as other_service,
    ):
        for kind in KINDS:
            for connections in args.connections:
                rounds: list[list[tuple[float, float]]] = [[], []]
                for number in range(args.rounds + 1):
                    for found, target in zip(rounds, (this_service, other_service), strict=True):
                        done = load(
                            target, world, kind, connections=connections, seconds=args.seconds
                        )
                        if number:  # the first warms up
                            found.append((done.cpu, done.rate))
                cpu, rate = (
                    [median(each[n] for each in found) for found in rounds] for n in (0, 1)
                )
                yield {
                    "store": name, "kind": kind, "connections": connections, "other": cpu[1],
                    "this": cpu[0], "cpu": cpu[0] / cpu[1], "rate": rate[0] / rate[1],
                }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--stores", nargs="+", default=["postgres", "sqlite"])
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--people", type=int, default=PEOPLE, help="people, round-robin")
    args = parser.parse_args()
    require()
    other = str((args.checkout / ".venv/bin/profile-service").resolve())
    print(f"{summary(environment())}\n\n{table(COLUMNS, [])}", flush=True)
    for name, stores in {"postgres": postgres, "sqlite": sqlite}.items():
        if name not in args.stores:
            continue
        with TemporaryDirectory(prefix="bench-") as folder:
            world = make_world(Path(folder), people=args.people)
            with stores(world, other) as urls:
                for row in measure(name, world, urls, other, args):
                    print(line(COLUMNS, row), flush=True)


if __name__ == "__main__":
    main()
