"""What each piece of machinery buys: the service with and without it, in interleaved rounds of one run.

``.venv/bin/python bench/machinery.py``. CPU is the server's, for each request;
requests/s is what it answers in the time. A piece that buys less than 10 % of either goes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from reports.results import RESULTS, Row, environment, keep, line, summary, table
from stores import postgres_stores, sqlite_stores
from world import World, make_world
from wrk import Kind, load, require

from targets import BENCH, Target, free_port, our_command, settings_of, started

# What each piece is for: the kinds of request that it could help, by store.
PIECES: dict[str, tuple[list[str], list[Kind]]] = {
    "planned_operations": (["Postgres", "SQLite"], ["mutation", "query"]),
    "direct_dispatch": (["Postgres", "SQLite"], ["put", "get"]),
    "batching": (["Postgres"], ["put", "get"]),
    "keyed_locks": (["Postgres", "SQLite"], ["put"]),
    "group_commit": (["SQLite"], ["put"]),
    "commit_thread": (["SQLite"], ["put"]),
    "token_cache": (["Postgres", "SQLite"], ["put", "get"]),
    "decision_cache": (["Postgres", "SQLite"], ["put", "get"]),
}
COLUMNS = {
    "piece": "piece", "store": "store", "kind": "request", "connections": "connections",
    "with|.0f": "CPU µs with", "without|.0f": "without", "cpu|.2f": "CPU without / with",
    "rate|.2f": "requests/s without / with", "conflicts": "409 with, without",
}  # fmt: skip


@contextmanager
def serving(world: World, url: str, piece: str | None) -> Iterator[Target]:
    port = free_port()
    command = our_command(port)
    if piece:
        command = [sys.executable, str(BENCH / "measured/without.py"), piece, *command[1:]]
    name = f"without {piece}" if piece else "ours"
    with started(name, command, port, settings_of(world, url)) as target:
        yield target


def measure(  # noqa: PLR0917  # the parameters of one row
    store: str, world: World, url: str, piece: str, kinds: list[Kind], args: argparse.Namespace
) -> Iterator[Row]:
    with ExitStack() as stack:
        pair = [stack.enter_context(serving(world, url, each)) for each in (None, piece)]
        for kind in kinds:
            for connections in args.connections:
                rounds: list[list[tuple[float, float, int]]] = [[], []]
                for number in range(args.rounds + 1):
                    for found, target in zip(rounds, pair, strict=True):
                        done = load(
                            target, world, kind, connections=connections, seconds=args.seconds
                        )
                        if number:  # the first warms up
                            found.append((done.cpu, done.rate, done.refused))
                cpu, rate = (
                    [median(each[n] for each in found) for found in rounds] for n in (0, 1)
                )
                refused = [sum(each[2] for each in found) for found in rounds]
                yield {
                    "piece": piece, "store": store, "kind": kind, "connections": connections,
                    "with": cpu[0], "without": cpu[1], "cpu": cpu[1] / cpu[0],
                    "rate": rate[1] / rate[0],
                    "conflicts": f"{refused[0]}, {refused[1]}" if any(refused) else "",
                }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", nargs="+", default=list(PIECES), choices=list(PIECES))
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--people", type=int, default=64, help="people, round-robin")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    args = parser.parse_args()
    require()
    print(f"{summary(environment())}\n\n{table(COLUMNS, [])}", flush=True)
    rows: list[Row] = []
    for name, stores in (("Postgres", postgres_stores), ("SQLite", sqlite_stores)):
        with TemporaryDirectory(prefix="bench-") as folder:
            world = make_world(Path(folder), people=args.people)
            with stores(world) as (store, _):
                for piece in args.pieces:
                    used_by, kinds = PIECES[piece]
                    if name in used_by:
                        for row in measure(name, world, store.url, piece, kinds, args):
                            print(line(COLUMNS, row), flush=True)
                            rows.append(row)
    keep(args.results, "machinery", rows)


if __name__ == "__main__":
    main()
