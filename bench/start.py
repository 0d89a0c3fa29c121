"""How long a start takes: from the command to the first profile answered, on a warm disk."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from check import ME
from reports.results import Row, table
from stores import sqlite_stores
from world import TENANT, World

from targets import BENCH, bare_command, free_port, inherited, our_command, settings_of

COLUMNS = {"program": "program", "ms|,.0f": "ms, median", "spread": "spread", "ratio|.1f": "ratio"}


def starts(world: World, rounds: int = 5) -> list[Row]:
    """Both programs on SQLite, alternately; a first start of each warms the disk."""
    took: dict[str, list[float]] = {"bare": [], "ours": []}
    with sqlite_stores(world) as (our_store, bare_store):
        environments = {
            "bare": {"BENCH_DATABASE": bare_store.url, "BENCH_SECRET": world.secret},
            "ours": settings_of(world, our_store.url),
        }
        for number in range(rounds + 1):
            for program, times in took.items():
                port = free_port()
                command = our_command(port)
                if program == "bare":
                    command = bare_command("sqlite", port)
                seconds = _first_answer(command, environments[program], port, world.tokens[0])
                if number:
                    times.append(seconds * 1000)
    return [
        {
            "program": program,
            "ms": median(times),
            "spread": f"{min(times):,.0f} to {max(times):,.0f}",
            "ratio": median(times) / median(took["bare"]),
        }
        for program, times in took.items()
    ]


def laid_out(rows: Sequence[Row]) -> str:
    return table(COLUMNS, rows)


def _first_answer(
    command: list[str], environment: Mapping[str, str], port: int, token: str
) -> float:
    """Seconds; the process is ended again."""
    headers = {"Authorization": f"Bearer {token}", "X-Tenant-ID": str(TENANT)}
    with Path(os.devnull).open("wb") as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=inherited() | dict(environment), cwd=BENCH, stdout=log, stderr=log
        )
        try:
            while time.perf_counter() - begun < 60:
                if _status(port, headers) == 200:
                    return time.perf_counter() - begun
                time.sleep(0.005)
        finally:
            process.terminate()
            process.wait(20)
    raise TimeoutError(" ".join(command))


def _status(port: int, headers: Mapping[str, str]) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", ME, headers=dict(headers))
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()
