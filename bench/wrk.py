"""One round of load by wrk, and whether it did to the store what the answers say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from secrets import token_hex
from typing import Literal, NamedTuple

from stores import Store
from world import World

from targets import BENCH, Target

Kind = Literal["put", "mutation", "get", "query"]
NAMES: Mapping[Kind, str] = {
    "put": "PUT", "mutation": "mutation", "get": "GET", "query": "me { id name }",
}  # fmt: skip
TIMEOUT_SECONDS = 10


class Round(NamedTuple):
    """Milliseconds; ``cpu`` is the server's, in microseconds for each request."""

    rate: float
    p50: float
    p99: float
    cpu: float
    answered: int
    refused: int
    failed: int


def require() -> None:
    """Ends the run where it could not measure."""
    if sys.platform != "linux":
        sys.exit("Linux is needed: CPU time is read from /proc.")
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk, or brew install wrk")


def load(target: Target, world: World, kind: Kind, *, connections: int, seconds: int) -> Round:
    """Ends the run at the first answer that is neither a success nor a conflict.

    The turn goes on where the target's last round ended, so that of more people than a cache holds
    none is met while it is remembered.
    """
    before = target.cpu_seconds()
    done = subprocess.run(
        [
            "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
            "--timeout", f"{TIMEOUT_SECONDS}s", "-s", str(BENCH / "load.lua"),
            f"http://127.0.0.1:{target.port}",
        ],
        env=os.environ | {
            "BENCH_KIND": kind, "BENCH_PEOPLE": str(world.people_file),
            "BENCH_TURN": str(target.turn), "BENCH_VALUES": token_hex(4),
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    result = done.stdout.partition("RESULT ")[2]
    if done.stderr or not result:
        sys.exit(f"{target.name} {kind}: {done.stderr or done.stdout}")
    found = json.loads(result)
    target.turn = found["turn"]
    answered, refused = found["answered"], found["refused"]
    if not answered:
        sys.exit(f"{target.name} {kind}: no request was answered with success")
    cpu = (target.cpu_seconds() - before) / (answered + refused) * 1e6
    return Round(
        answered / found["seconds"], found["p50"], found["p99"], cpu, answered, refused,
        found["failed"],
    )  # fmt: skip


def checked_load(
    target: Target, store: Store, world: World, kind: Kind, *, connections: int, seconds: int
) -> Round:
    """The same, and as many rows changed as writes were answered.

    When wrk stops it drops what it waits for: one write for each connection may come on top, one
    more where a stalled disk kept those of the round before, and those that timed out.
    """
    before = store.writes()
    done = load(target, world, kind, connections=connections, seconds=seconds)
    grown = store.writes() - before
    least = done.answered if kind in ("put", "mutation") else 0
    most = least + 2 * connections + done.failed
    if not least <= grown <= most:
        sys.exit(
            f"{target.name} {kind}: {done.answered} answers of success, but {grown} rows changed"
        )
    return done
