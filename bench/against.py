"""Another checkout's service beside this one and the bare program, in interleaved rounds of one run.

``.venv/bin/python bench/against.py ../before``: the other checkout needs its own environment
(``make .venv/dev`` there). Ratios of after to before: below 1 for CPU is better.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import compare
from compare import CONNECTIONS, Program, Rounds
from reports.results import RESULTS, Row, environment, keep, summary, table
from stores import Store, database, filled_stores, our_store, postgres_server, sqlite_stores
from world import MANY, World, make_world
from wrk import NAMES, require

import targets
from profile_testing.postgres_database import connected

COLUMNS = {
    "store": "store", "what": "request", "connections": "connections", "bare|.0f": "CPU µs bare",
    "before|.0f": "before", "after|.0f": "after", "cpu|.2f": "CPU after / before",
    "before_bare|.2f": "before / bare", "after_bare|.2f": "after / bare",
    "rate|.2f": "requests/s after / before",
}  # fmt: skip


def laid_out(rows: Sequence[Row]) -> str:
    """A line for each request: the bare program's CPU is of the same change or read by REST."""
    found = {(row["store"], row["what"], row["connections"], row["program"]): row for row in rows}
    order = list(NAMES.values())
    lines: list[Row] = []
    for where in sorted({key[:3] for key in found}, key=lambda w: (w[0], order.index(w[1]), w[2])):
        before, after = found[*where, "before"], found[*where, "after"]
        lines.append(
            {
                "store": where[0], "what": where[1], "connections": where[2],
                "bare": after["cpu"] / after["cpu_ratio"],
                "before": before["cpu"], "before_bare": before["cpu_ratio"],
                "after": after["cpu"], "after_bare": after["cpu_ratio"],
                "cpu": after["cpu"] / before["cpu"], "rate": after["rate"] / before["rate"],
            }
        )  # fmt: skip
    return table(COLUMNS, lines)


def migrated_by(command: str, url: str, *more: str) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PROFILE_")}
    subprocess.run(
        [command, "migrate", *more], env=kept | {"PROFILE_DATABASE_URL": url}, cwd="/", check=True
    )


async def _copy_users(source: str, target: str) -> None:
    async with connected(source) as read, connected(target) as write:
        columns = await write.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'users'"
        )
        names = [column for (column,) in columns]
        rows = await read.fetch(f"SELECT {', '.join(names)} FROM users")
        await write.copy_records_to_table("users", records=map(tuple, rows), columns=names)


@contextmanager
def sqlite(world: World, command: str) -> Iterator[tuple[Store, Store, Store]]:
    """The bare program's, the other checkout's and ours."""
    with sqlite_stores(world) as (ours, bare):
        file = world.folder / "other.db"
        migrated_by(command, f"sqlite:///{file}")
        with sqlite3.connect(file) as db:
            names = ", ".join(name for _, name, *_ in db.execute("PRAGMA table_info(users)"))
            db.execute("ATTACH ? AS ours", (ours.asked,))
            db.execute(f"INSERT INTO users ({names}) SELECT {names} FROM ours.users")
        db.close()
        yield bare, our_store(f"sqlite:///{file}", str(file)), ours


@contextmanager
def postgres(world: World, command: str) -> Iterator[tuple[Store, Store, Store]]:
    """The same."""
    with (
        postgres_server() as server,
        database(server) as filled,
        database(server, migrated=False) as other,
    ):
        ours, bare = filled_stores(world, filled)
        migrated_by(command, other.owner, "--grant-to", other.serving_role)
        asyncio.run(_copy_users(filled.admin, other.admin))
        yield bare, our_store(other.url, other.admin), ours


def measure(name: str, world: World, command: str, args: argparse.Namespace) -> list[Row]:
    stores = {"postgres": postgres, "sqlite": sqlite}[name]
    with (
        stores(world, command) as (bare_store, other_store, store),
        targets.bare(world, name, bare_store.url) as bare,
        targets.of_checkout(world, other_store.url, command) as before,
        targets.ours(world, store.url) as after,
    ):
        services = Program("before", before, other_store), Program("after", after, store)
        rows: list[Row] = []
        for connections in args.connections:
            rows += compare.compare_faces(
                Program("bare", bare, bare_store), services, world, connections,
                Rounds(args.rounds, args.seconds),
            )  # fmt: skip
    return [{"store": {"postgres": "Postgres", "sqlite": "SQLite"}[name], **row} for row in rows]


def commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.check_output(command, text=True).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--stores", nargs="+", default=["postgres", "sqlite"])
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--people", type=int, default=MANY, help="in turn")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    args = parser.parse_args()
    require()
    command = str((args.checkout / ".venv/bin/profile-service").resolve())
    commits = [commit(each) for each in (args.checkout, Path(__file__).parent)]
    # The page is not to name a folder of this machine.
    called = environment()["command"].replace(str(args.checkout), "../before")
    print(f"{summary(environment())}\n\n{table(compare.COLUMNS, [])}", flush=True)
    rows: list[Row] = []
    for name in args.stores:
        with TemporaryDirectory(prefix="bench-") as folder:
            world = make_world(Path(folder), people=args.people)
            rows += measure(name, world, command, args)
    print(f"\n{laid_out(rows)}")
    keep(args.results, "against", rows, command=called, commits=" and ".join(commits))


if __name__ == "__main__":
    main()
