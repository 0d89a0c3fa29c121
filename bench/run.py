"""Ours and the bare programs under one load, in turn: medians, spreads and ratios."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from targets import (
    BENCH,
    LOAD_CPU,
    Target,
    World,
    bare,
    fill_bare_sqlite,
    fill_ours,
    make_world,
    ours,
    postgres,
)


class Round(NamedTuple):
    """What one round of load showed."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int
    requests: int


def load(target: Target, world: World, kind: str, connections: int, seconds: int) -> Round:
    """The load has a core of its own; ``cpu`` is the server's, in microseconds for each request."""
    before = target.cpu_seconds()
    done = subprocess.run(
        [
            "taskset", "-c", LOAD_CPU, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
            "-s", str(BENCH / "load.lua"), f"http://127.0.0.1:{target.port}",
        ],
        env=os.environ | {"BENCH_KIND": kind, "BENCH_PEOPLE": str(world.people_file)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    if done.stderr:
        sys.exit(f"{target.name} {kind}: {done.stderr}")
    told = json.loads(done.stdout.partition("RESULT ")[2])
    cpu = (target.cpu_seconds() - before) / max(told["requests"], 1) * 1e6
    rate = told["requests"] / told["seconds"]
    return Round(rate, told["p50"], told["p99"], cpu, told["failed"], told["requests"])


def compare(
    title: str,
    contenders: list[tuple[str, Target, World, str]],
    connections: int,
    args: argparse.Namespace,
) -> None:
    rounds: dict[str, list[Round]] = {name: [] for name, *_ in contenders}
    for _ in range(args.rounds):
        for name, target, world, kind in contenders:
            rounds[name].append(load(target, world, kind, connections, args.seconds))
    base = statistics.median(each.rate for each in rounds[contenders[0][0]])
    for name, runs in rounds.items():
        rates = sorted(each.rate for each in runs)
        failed = sum(each.failed for each in runs)
        print(
            f"| {title} | {connections} | {name} | {statistics.median(rates):,.0f} | {rates[0]:,.0f} to {rates[-1]:,.0f}"
            f" | {statistics.median(rates) / base:.2f} | {statistics.median(e.p50 for e in runs):.2f}"
            f" | {statistics.median(e.p99 for e in runs):.2f} | {statistics.median(e.cpu for e in runs):.0f}"
            f" | {failed or ''} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--stores", nargs="+", default=["postgres", "sqlite", "pictures"])
    parser.add_argument("--only", nargs="+", default=[""], help="words of the comparisons to run")
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk, or brew install wrk")
    print(
        "| what | connections | program | requests/s | spread | ratio | p50 ms | p99 ms | CPU µs | failed |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for store in args.stores:
        with TemporaryDirectory(prefix="bench-") as folder:
            {"postgres": on_postgres, "sqlite": on_sqlite, "pictures": with_pictures}[store](
                Path(folder), args
            )


def programs(store: str, us: Target, them: Target, world: World, args: argparse.Namespace) -> None:
    for connections in args.connections:
        pairs = {
            f"PUT, {store}": [("bare", them, world, "put"), ("ours", us, world, "put")],
            f"mutation, {store}": [("our PUT", us, world, "put"), ("ours", us, world, "mutation")],
            f"GET, {store}": [("bare", them, world, "get"), ("ours", us, world, "get")],
            f"me {{ id name }}, {store}": [
                ("our GET", us, world, "get"),
                ("ours", us, world, "query"),
            ],
        }
        for title, contenders in pairs.items():
            if any(word in title for word in args.only):
                compare(title, contenders, connections, args)
    print(f"\nResident, {store}: {us.resident_mib():.0f} MiB\n", flush=True)


def on_sqlite(folder: Path, args: argparse.Namespace) -> None:
    world = make_world(folder)
    url = f"sqlite:///{folder / 'ours.db'}"
    fill_ours(world, url)
    fill_bare_sqlite(world, folder / "bare.db")
    with ours(world, url, 8301) as us, bare(world, "sqlite", str(folder / "bare.db"), 8302) as them:
        programs("SQLite", us, them, world, args)


def on_postgres(folder: Path, args: argparse.Namespace) -> None:
    world = make_world(folder)
    with (
        postgres(world) as (url, bare_url),
        ours(world, url, 8303) as us,
        bare(world, "postgres", bare_url, 8304) as them,
    ):
        programs("Postgres", us, them, world, args)


def with_pictures(folder: Path, args: argparse.Namespace) -> None:
    world = make_world(folder, image=random.Random(1).randbytes(100 * 1024))
    with (
        postgres(world) as (url, bare_url),
        ours(world, url, 8305) as us,
        bare(world, "postgres", bare_url, 8306) as them,
    ):
        pair = [("bare", them, world, "get"), ("ours", us, world, "get")]
        for connections in args.connections:
            compare("GET of 100 KiB, Postgres", pair, connections, args)


if __name__ == "__main__":
    main()
