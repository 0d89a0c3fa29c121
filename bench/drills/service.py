"""The command, serving a store of its own with people to act as, for a drill to torment."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import httpx2

from profile_infra.tokens.issuers import Issuer
from profile_infra.tokens.jose import sign

COMMAND = str(Path(sys.executable).with_name("profile-service"))
ME = "/v1/users/me/profile"
TENANT = UUID("7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f")
ISSUER = Issuer(
    issuer="https://drill.invalid",
    audience=("drill",),
    algorithms=("HS256",),
    secret="no-real-secret-but-long-enough-for-a-drill",
)


class Service:
    """One folder with a store; the process in it can end and start again."""

    def __init__(self, folder: Path, people: int, **settings: str) -> None:
        self._settings = settings
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        ids = [uuid4() for _ in range(people)]
        self.headers = [_headers(each) for each in ids]
        rows = [f"{TENANT},{each},{each}@example.org,local\n" for each in ids]
        (folder / "people.csv").write_text("tenant_id,id,email,auth_provider\n" + "".join(rows))
        self._run("migrate")
        self._run("users", "import", "people.csv")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, **settings: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--port", str(self.port)],
                cwd=self.folder,
                env=_environment(self._settings | settings),
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"{self.address}/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise SystemExit("the service did not start")

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        return self._wait()

    def memory(self) -> int:
        """Resident memory in KiB."""
        result = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.pid)], capture_output=True, check=True
        )
        return int(result.stdout)

    def _wait(self) -> int:
        assert self.process is not None
        code = self.process.wait(15)
        self.process = None
        return code

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=_environment(self._settings),
            check=True,
            capture_output=True,
        )


@contextmanager
def service(people: int, **settings: str) -> Iterator[Service]:
    with TemporaryDirectory(prefix="profile-drill-") as folder:
        drilled = Service(Path(folder), people, **settings)
        drilled.start()
        try:
            yield drilled
        finally:
            if drilled.process is not None:
                drilled.kill()


@asynccontextmanager
async def client(drilled: Service, connections: int = 64) -> AsyncIterator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=connections)
    async with httpx2.AsyncClient(base_url=drilled.address, limits=limits, timeout=60) as each:
        yield each


async def timed_updates(
    sender: httpx2.AsyncClient, headers: dict[str, str], count: int
) -> list[float]:
    """What each of so many updates of a name took, in seconds, one after the other."""
    took = []
    for number in range(count):
        started = time.perf_counter()
        answer = await sender.put(ME, json={"display_name": f"n{number}"}, headers=headers)
        took.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0.002)
    return took


def p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


def verdict(drill: str, result: str, *, holds: bool) -> None:
    """One line, and a status that make understands."""
    print(f"{drill}: {result}: {'holds' if holds else 'DOES NOT HOLD'}")
    if not holds:
        raise SystemExit(1)


def _headers(subject: UUID) -> dict[str, str]:
    claims = {"sub": str(subject), "tenant_id": str(TENANT), "exp": int(time.time()) + 7200}
    return {"Authorization": f"Bearer {sign(ISSUER, claims)}", "X-Tenant-ID": str(TENANT)}


def _environment(settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROFILE_")}
    issuer = ISSUER.model_dump(mode="json", exclude_defaults=True)
    issuer["secret"] = "no-real-secret-but-long-enough-for-a-drill"
    own = {"PROFILE_ISSUERS": json.dumps([issuer]), "PROFILE_RATE_LIMIT": "off"}
    return kept | own | {f"PROFILE_{name.upper()}": value for name, value in settings.items()}
