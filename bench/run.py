"""Ours and the bare programs under one load, in turn: medians, spreads and ratios."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from contextlib import ExitStack
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
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk, or brew install wrk")
    print(
        "| what | connections | program | requests/s | spread | ratio | p50 ms | p99 ms | CPU µs | failed |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    with TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        sqlite(Path(folder), stack, args)


def sqlite(folder: Path, stack: ExitStack, args: argparse.Namespace) -> None:
    world = make_world(folder)
    url = f"sqlite:///{folder / 'ours.db'}"
    fill_ours(world, url)
    fill_bare_sqlite(world, folder / "bare.db")
    us = stack.enter_context(ours(world, url, 8301))
    them = stack.enter_context(bare(world, "sqlite", str(folder / "bare.db"), 8302))
    for connections in args.connections:
        compare(
            "PUT, SQLite",
            [("bare", them, world, "put"), ("ours", us, world, "put")],
            connections,
            args,
        )
        compare(
            "mutation, SQLite",
            [("our PUT", us, world, "put"), ("ours", us, world, "mutation")],
            connections,
            args,
        )
        compare(
            "GET, SQLite",
            [("bare", them, world, "get"), ("ours", us, world, "get")],
            connections,
            args,
        )
        compare(
            "me { id name }",
            [("our GET", us, world, "get"), ("ours", us, world, "query")],
            connections,
            args,
        )
    print(f"\nResident: {us.resident_mib():.0f} MiB")


if __name__ == "__main__":
    main()
