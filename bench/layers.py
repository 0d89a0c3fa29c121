"""Where the time of a request goes: the served process itself, sampled under load."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from measured.sampled import LAYERS
from reports.results import Row, table
from world import World
from wrk import NAMES, Kind, load

from targets import BENCH, Target, free_port, our_command, settings_of, started

CONNECTIONS = 16
_ORDER = [
    "server: event loop, sockets, HTTP", "around: id, log, metrics, admission",
    "routing: framework and route", "headers and body", "token and tenant", "GraphQL: document, plan, fields",
    "policy", "rules", "store", "answer: its body, its headers", "other threads",
]  # fmt: skip


def layers(
    world: World, store_name: str, url: str, kinds: Sequence[Kind], seconds: int
) -> list[Row]:
    """Each kind of request on a process of its own, warmed for a second."""
    assert set(LAYERS) < set(_ORDER)
    rows: list[Row] = []
    for kind in kinds:
        file = world.folder / f"samples-{kind}-{os.urandom(4).hex()}.json"
        port = free_port()
        command = [sys.executable, str(BENCH / "measured/sampled.py"), *our_command(port)[1:]]
        environment = settings_of(world, url) | {"BENCH_SAMPLES": str(file)}
        with started("ours, sampled", command, port, environment) as target:
            load(target, world, kind, connections=CONNECTIONS, seconds=1)
            target.process.send_signal(signal.SIGUSR2)
            done = load(target, world, kind, connections=CONNECTIONS, seconds=seconds)
            found = _samples(target, file)
        rows += _rows(f"{NAMES[kind]}, {store_name}", found, done.answered + done.refused)
    return rows


def _samples(target: Target, file: Path) -> dict[str, float]:
    target.process.send_signal(signal.SIGUSR2)
    for _ in range(200):
        if file.exists():
            found: dict[str, float] = json.loads(file.read_text())
            return found
        time.sleep(0.05)
    sys.exit("the sampled process wrote no samples")


def _rows(what: str, found: dict[str, float], requests: int) -> list[Row]:
    """In the order in which a request meets the layers; what else there was comes last."""
    whole = sum(found.values())
    rest = sorted(set(found) - set(_ORDER))
    rows: list[Row] = [
        {
            "what": what,
            "layer": layer,
            "us": found[layer] / requests * 1e6,
            "percent": found[layer] / whole * 100,
        }
        for layer in (*_ORDER, *rest)
        if found.get(layer)
    ]
    return [*rows, {"what": what, "layer": "all", "us": whole / requests * 1e6, "percent": 100}]


def laid_out(rows: Sequence[Row]) -> str:
    """A column for each kind of request: CPU microseconds for each, and per cent."""
    kinds = list(dict.fromkeys(row["what"] for row in rows))
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        line = lines.setdefault(row["layer"], {"layer": row["layer"]})
        line[row["what"]] = f"{row['us']:.0f} ({row['percent']:.0f} %)"
    known = [each for each in _ORDER if each in lines]
    order = [*known, *(each for each in lines if each not in (*known, "all")), "all"]
    return table(
        {"layer": "CPU µs"} | {kind: kind for kind in kinds}, [lines[each] for each in order]
    )
