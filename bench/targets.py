"""The servers that are measured: each a process of its own."""

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


@dataclass
class Target:
    """A running server, with the workers it has; ``turn`` is where its next round begins."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    turn: int = 0

    def cpu_seconds(self) -> float:
        """Of all its processes."""
        ticks = 0
        for pid in (self.process.pid, *self._children()):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> list[float]:
        """Of each process that serves."""
        workers = [
            child
            for child in self._children()
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
        sizes = []
        for pid in workers or [self.process.pid]:
            status = Path(f"/proc/{pid}/status").read_text()
            sizes.append(int(status.partition("VmRSS:")[2].split()[0]) / 1024)
        return sizes

    def _children(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(child) for each in tasks for child in each.read_text().split()]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def inherited() -> dict[str, str]:
    """The environment, without settings. A second start finds all modules compiled, as each start
    of what pip has installed does; where they are not kept, compiling ours is a fifth of a start.
    """
    left_out = ("PROFILE_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


@contextmanager
def started(
    name: str, command: list[str], port: int, environment: dict[str, str]
) -> Iterator[Target]:
    """Its log goes to a file, as JSON. Ends the run when it does not answer within a minute."""
    with TemporaryFile() as log:
        process = subprocess.Popen(
            command, env=inherited() | environment, cwd=BENCH, stdout=log, stderr=log
        )
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
def ours(world: World, url: str, *, workers: int = 1, **settings: str) -> Iterator[Target]:
    """``profile-service serve``; ``settings`` are more variables of its environment."""
    port = free_port()
    environment = settings_of(world, url) | settings
    with started("ours", our_command(port, workers), port, environment) as target:
        yield target


@contextmanager
def of_checkout(world: World, url: str, command: str) -> Iterator[Target]:
    """``profile-service serve`` of another checkout."""
    port = free_port()
    whole = [command, *our_command(port)[1:]]
    with started(command, whole, port, settings_of(world, url)) as target:
        yield target


def bare_environment(world: World, url: str) -> dict[str, str]:
    return {"BENCH_DATABASE": url, "BENCH_SECRET": world.secret}


@contextmanager
def bare(world: World, kind: str, url: str) -> Iterator[Target]:
    """The bare program on the same server, uvicorn with uvloop and httptools."""
    port = free_port()
    command = bare_command(kind, port)
    with started(f"bare {kind}", command, port, bare_environment(world, url)) as target:
        yield target
