"""Ours and the bare programs under one load, in interleaved rounds: ``make bench``."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import layers
import start
from compare import COLUMNS, Contender, Rounds, compare
from reports.results import RESULTS, Row, environment, keep, summary, table
from stores import Store, postgres_stores, sqlite_stores
from world import PEOPLE, World, make_world
from wrk import TIMEOUT_SECONDS, Kind, require

import targets
from targets import ALL_CORES, Target

PUT_CONNECTIONS = [1, 4, 16, 64, 256]
CONNECTIONS = [1, 16, 64]
# The other parts print each row when it is measured.
LAID_OUT: Mapping[str, Callable[[list[Row]], str]] = {
    "start": start.laid_out,
    "layers": layers.laid_out,
}


class Run:
    """One run of the parts, each with its own world."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._rounds = Rounds(args.rounds, args.seconds)
        self._connections: list[int] | None = args.connections
        self._only: list[str] = args.only
        self._people: int = args.people

    def postgres(self, folder: Path) -> list[Row]:
        world = make_world(folder, people=self._people)
        with (
            postgres_stores(world) as (our_store, bare_store),
            targets.ours(world, our_store.url) as us,
            targets.bare(world, "postgres", bare_store.url) as them,
        ):
            return self._programs("Postgres", world, (us, our_store), (them, bare_store))

    def sqlite(self, folder: Path) -> list[Row]:
        world = make_world(folder, people=self._people)
        with (
            sqlite_stores(world) as (our_store, bare_store),
            targets.ours(world, our_store.url) as us,
            targets.bare(world, "sqlite", bare_store.url) as them,
        ):
            return self._programs("SQLite", world, (us, our_store), (them, bare_store))

    def pictures(self, folder: Path) -> list[Row]:
        world = make_world(
            folder, people=self._people, image=random.Random(1).randbytes(100 * 1024)
        )
        with (
            postgres_stores(world) as (our_store, bare_store),
            targets.ours(world, our_store.url) as us,
            targets.bare(world, "postgres", bare_store.url) as them,
        ):
            pair = [
                Contender("bare", them, bare_store, "get"),
                Contender("ours", us, our_store, "get"),
            ]
            what = "GET of 100 KiB, Postgres"
            return [
                row
                for connections in self._connections or [16, 64]
                for row in compare(what, pair, world, connections, self._rounds)
            ]

    def workers(self, folder: Path) -> list[Row]:
        """Servers, Postgres and wrk share all cores."""
        world = make_world(folder, people=self._people)
        rounds = Rounds(self._rounds.count, self._rounds.seconds, ALL_CORES)
        with (
            postgres_stores(world) as (store, _),
            targets.ours(world, store.url, cores=ALL_CORES) as one,
            targets.ours(world, store.url, cores=ALL_CORES, workers=2) as two,
        ):
            rows: list[Row] = []
            for kind in ("put", "get"):
                pair = [
                    Contender("one worker", one, store, kind),
                    Contender("two workers", two, store, kind),
                ]
                what = f"{kind.upper()}, Postgres, cores shared"
                for connections in self._connections or [64]:
                    rows += compare(what, pair, world, connections, rounds)
            return [*rows, resident("one worker", one), resident("two workers", two)]

    def start(self, folder: Path) -> list[Row]:
        return start.starts(make_world(folder, people=self._people))

    def layers(self, folder: Path) -> list[Row]:
        world = make_world(folder, people=self._people)
        seconds = self._rounds.seconds * 3
        with postgres_stores(world) as (store, _):
            kinds: list[Kind] = ["put", "mutation", "get", "query"]
            rows = layers.layers(world, "Postgres", store.url, kinds, seconds)
        with sqlite_stores(world) as (store, _):
            rows += layers.layers(world, "SQLite", store.url, ["put"], seconds)
        return rows

    def _programs(
        self, name: str, world: World, ours: tuple[Target, Store], bare: tuple[Target, Store]
    ) -> list[Row]:
        def we(program: str, kind: Kind) -> Contender:
            return Contender(program, *ours, kind)

        def they(kind: Kind) -> Contender:
            return Contender("bare", *bare, kind)

        comparisons = [
            ("PUT", they("put"), we("ours", "put"), PUT_CONNECTIONS),
            ("mutation", we("our PUT", "put"), we("ours", "mutation"), CONNECTIONS),
            ("GET", they("get"), we("ours", "get"), CONNECTIONS),
            ("me { id name }", we("our GET", "get"), we("ours", "query"), CONNECTIONS),
        ]
        rows: list[Row] = []
        for what, first, second, usual in comparisons:
            if not any(word in what for word in self._only):
                continue
            for connections in self._connections or usual:
                pair = [first, second]
                rows += compare(f"{what}, {name}", pair, world, connections, self._rounds)
        return [*rows, resident("bare", bare[0]), resident("ours", ours[0])]


def resident(program: str, target: Target) -> Row:
    """After the load, with what it has left in memory."""
    sizes = ", ".join(f"{size:.0f} MiB" for size in target.resident_mib())
    print(f"\n{program}: {sizes} resident", flush=True)
    return {"what": "resident", "program": program, "spread": sizes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ["postgres", "sqlite", "pictures", "workers", "start", "layers"]
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", help="instead of each part's own")
    parser.add_argument("--people", type=int, default=PEOPLE, help="people, round-robin")
    parser.add_argument("--only", nargs="+", default=[""], help="words of the comparisons to run")
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
