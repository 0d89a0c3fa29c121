"""Ours and the bare programs under one load, in interleaved rounds: ``make bench``."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import layers
import start
from compare import COLUMNS, CONNECTIONS, Program, Rounds, compare, compare_faces
from reports.results import RESULTS, Row, environment, keep, summary, table
from stores import Store, postgres_stores, sqlite_stores
from world import FEW, MANY, World, make_world
from wrk import NAMES, TIMEOUT_SECONDS, Kind, require

import targets

# Of REST by many people alone.
MOST_CONNECTIONS = 256
# The other parts print each row when it is measured.
LAID_OUT: Mapping[str, Callable[[list[Row]], str]] = {
    "start": start.laid_out,
    "layers": layers.laid_out,
}
Stores = Callable[[World], AbstractContextManager[tuple[Store, Store]]]


class Run:
    """One run of the parts, each with its own world."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._rounds = Rounds(args.rounds, args.seconds)
        self._connections: list[int] | None = args.connections
        self._people: list[int] = args.people

    def postgres(self, folder: Path) -> list[Row]:
        return self._programs(folder, "postgres", postgres_stores)

    def sqlite(self, folder: Path) -> list[Row]:
        return self._programs(folder, "sqlite", sqlite_stores)

    def pictures(self, folder: Path) -> list[Row]:
        """Each of the few has one of 100 KiB."""
        world = make_world(folder, image=random.Random(1).randbytes(100 * 1024))
        with (
            postgres_stores(world) as (our_store, bare_store),
            targets.ours(world, our_store.url) as us,
            targets.bare(world, "postgres", bare_store.url) as them,
        ):
            programs = Program("bare", them, bare_store), Program("ours", us, our_store)
            return [
                row
                for connections in self._connections or (16, 64)
                for row in compare(
                    [(each, "get") for each in programs], world, connections, self._rounds
                )
            ]

    def workers(self, folder: Path) -> list[Row]:
        world = make_world(folder, people=max(self._people))
        with (
            postgres_stores(world) as (store, _),
            targets.ours(world, store.url) as one,
            targets.ours(world, store.url, workers=2) as two,
        ):
            programs = Program("one worker", one, store), Program("two workers", two, store)
            kinds: list[Kind] = ["put", "get"]
            rows = [
                row
                for connections in self._connections or (64,)
                for kind in kinds
                for row in compare(
                    [(each, kind) for each in programs], world, connections, self._rounds
                )
            ]
            return [*rows, *map(resident, programs)]

    def start(self, folder: Path) -> list[Row]:
        return start.starts(make_world(folder))

    def layers(self, folder: Path) -> list[Row]:
        world = make_world(folder, people=max(self._people))
        seconds = self._rounds.seconds * 3
        with postgres_stores(world) as (store, _):
            rows = layers.layers(world, "Postgres", store.url, list(NAMES), seconds)
        with sqlite_stores(world) as (store, _):
            rows += layers.layers(world, "SQLite", store.url, ["put"], seconds)
        return rows

    def _programs(self, folder: Path, bare: str, stores: Stores) -> list[Row]:
        everybody = make_world(folder, people=max(self._people))
        with (
            stores(everybody) as (our_store, bare_store),
            targets.ours(everybody, our_store.url) as us,
            targets.bare(everybody, bare, bare_store.url) as them,
        ):
            programs = Program("bare", them, bare_store), Program("ours", us, our_store)
            rows: list[Row] = []
            for people in self._people:
                usual = (*CONNECTIONS, MOST_CONNECTIONS) if people > FEW else CONNECTIONS
                for connections in self._connections or usual:
                    rows += compare_faces(
                        programs[0], programs[1:], everybody.first(people), connections,
                        self._rounds, graphql=connections < MOST_CONNECTIONS,
                    )  # fmt: skip
            return [*rows, *map(resident, programs)]


def resident(program: Program) -> Row:
    """After the load, with what it has left in memory."""
    sizes = ", ".join(f"{size:.0f} MiB" for size in program.target.resident_mib())
    print(f"\n{program.name}: {sizes} resident", flush=True)
    return {"what": "resident", "program": program.name, "spread": sizes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ["postgres", "sqlite", "pictures", "workers", "start", "layers"]
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, nargs="+", help="instead of each part's own")
    parser.add_argument("--people", type=int, nargs="+", default=[MANY, FEW], help="in turn")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    args = parser.parse_args()
    require()
    now = environment()
    print(f"{summary(now)}\n{now['versions']}", flush=True)
    run = Run(args)
    lost = 0
    for part in args.parts:
        print(f"\n## {part}\n", flush=True)
        if part not in LAID_OUT:
            print(table(COLUMNS, []), flush=True)
        work: Callable[[Path], list[Row]] = getattr(run, part)
        with TemporaryDirectory(prefix="bench-") as folder:
            rows = work(Path(folder))
        if part in LAID_OUT:
            print(LAID_OUT[part](rows), flush=True)
        keep(args.results, part, rows)
        lost += sum(row.get("failed") or 0 for row in rows)
    if lost:
        sys.exit(f"{lost} requests were lost, or not answered in {TIMEOUT_SECONDS} s: see above")


if __name__ == "__main__":
    main()
