"""The servers that are measured: each a process of its own, on a core of its own where it can."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from world import World

BENCH = Path(__file__).parent
# Elsewhere nothing is measured under load: `wrk.require` says so.
_CORES = (
    [str(core) for core in sorted(os.sched_getaffinity(0))] if sys.platform == "linux" else [""]
)
SERVER_CORE, LOAD_CORE, ALL_CORES = _CORES[0], _CORES[-1], ",".join(_CORES)


@dataclass
class Target:
    """A running server, with the workers it has."""

    name: str
    process: subprocess.Popen[bytes]
    port: int

    def cpu_seconds(self) -> float:
        """Of all its processes."""
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> list[float]:
        """Of each process that serves."""
        serving = self._children() or [self.process.pid]
        sizes = []
        for pid in serving:
            status = Path(f"/proc/{pid}/status").read_text()
            sizes.append(int(status.partition("VmRSS:")[2].split()[0]) / 1024)
        return sizes

    def _children(self) -> list[int]:
        """Workers only: a process that looks after semaphores serves nobody."""
        pid = self.process.pid
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for each in tasks for child in each.read_text().split()]
        return [
            each for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
        ]

    def _pids(self) -> list[int]:
        return [self.process.pid, *self._children()]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def started(
    name: str, command: list[str], port: int, environment: dict[str, str], *, cores: str
) -> Iterator[Target]:
    """Its log goes to a file, as JSON. Ends the run when it does not answer within a minute."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PROFILE_")}
    with TemporaryFile() as log:
        process = subprocess.Popen(
            ["taskset", "-c", cores, *command],
            env=kept | environment, cwd=BENCH, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            for _ in range(1200):
                if process.poll() is not None or answers(port):
                    break
                time.sleep(0.05)
            if process.poll() is not None or not answers(port):
                log.seek(0)
                sys.exit(f"{name} does not serve:\n{log.read(2000).decode()}")
            yield Target(name, process, port)
        finally:
            process.terminate()
            process.wait(20)


def answers(port: int) -> bool:
    """Whether somebody speaks HTTP there, whatever is said."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def settings_of(world: World, url: str) -> dict[str, str]:
    """Every check on, but for the rate limit: it would refuse the load."""
    issuer = world.issuer.model_dump(mode="json", exclude_defaults=True)
    issuer |= {"secret": world.secret}
    return {
        "PROFILE_DATABASE_URL": url,
        "PROFILE_ISSUERS": json.dumps([issuer]),
        "PROFILE_RATE_LIMIT": "off",
    }


def our_command(port: int, workers: int = 1) -> list[str]:
    command = str(Path(sys.executable).with_name("profile-service"))
    return [command, "serve", "--port", str(port), "--workers", str(workers)]


def bare_command(kind: str, port: int) -> list[str]:
    return [
        sys.executable, "-m", "uvicorn", f"measured.bare:{kind}", "--factory", "--port", str(port),
        "--log-level", "warning", "--no-access-log",
    ]  # fmt: skip


@contextmanager
def ours(
    world: World, url: str, *, workers: int = 1, cores: str = SERVER_CORE, **settings: str
) -> Iterator[Target]:
    """``profile-service serve``; ``settings`` are more variables of its environment."""
    port = free_port()
    environment = settings_of(world, url) | settings
    with started("ours", our_command(port, workers), port, environment, cores=cores) as target:
        yield target


@contextmanager
def bare(world: World, kind: str, url: str) -> Iterator[Target]:
    """The bare program on the same server, uvicorn with uvloop and httptools."""
    port = free_port()
    environment = {"BENCH_DATABASE": url, "BENCH_SECRET": world.secret}
    command = bare_command(kind, port)
    with started(f"bare {kind}", command, port, environment, cores=SERVER_CORE) as target:
        yield target
