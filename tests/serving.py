"""Real service processes on one Postgres, for tests of what only several of them show."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2

import ports
from signing import AUDIENCE, ISSUER, SECRET

_ISSUER = {"issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["HS256"], "secret": SECRET}


@contextmanager
def serving(url: str, count: int):
    """The addresses of as many processes, each ready; ended afterwards."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROFILE_")}
    settings = {
        "PROFILE_DATABASE_URL": url,
        "PROFILE_ISSUERS": json.dumps([_ISSUER]),
        "PROFILE_RATE_LIMIT": "off",
    }
    command = Path(sys.executable).with_name("profile-service")
    with ExitStack() as at_the_end:
        processes, addresses = [], []
        for _ in range(count):
            port = at_the_end.enter_context(ports.reserved()).getsockname()[1]
            process = subprocess.Popen(
                [command, "serve", "--port", str(port)], env=kept | settings, cwd="/"
            )
            at_the_end.callback(process.wait)
            at_the_end.callback(process.terminate)
            processes.append(process)
            addresses.append(f"http://127.0.0.1:{port}")
        for address, process in zip(addresses, processes, strict=True):
            _wait_for(address, process)
        yield addresses


def _wait_for(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120  # other programs may keep the machine busy
    while time.monotonic() < deadline:
        assert process.poll() is None, "the service ended"
        try:
            if httpx2.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the service was not ready in time")
