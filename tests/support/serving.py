"""The service in processes of its own."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2

from profile_infra.tokens.jose import sign
from profile_testing import ports
from profile_testing.signing import AUDIENCE, ISSUER, SECRET
from running import SIGNER, TENANT

COMMAND = str(Path(sys.executable).with_name("profile-service"))
_ISSUER = {"issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["HS256"], "secret": SECRET}


def environment(**settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROFILE_")}
    return kept | {"PROFILE_ISSUERS": json.dumps([_ISSUER])} | settings


@contextmanager
def serving(url: str, count: int):
    """The addresses of as many processes on one Postgres, each ready; ended afterwards."""
    settings = environment(PROFILE_DATABASE_URL=url, PROFILE_RATE_LIMIT="off")
    with ExitStack() as at_the_end:
        processes = {}
        for _ in range(count):
            port = at_the_end.enter_context(ports.reserved()).getsockname()[1]
            command = [COMMAND, "serve", "--port", str(port)]
            process = subprocess.Popen(command, env=settings, cwd="/")
            at_the_end.callback(process.wait)
            at_the_end.callback(process.terminate)
            processes[port] = process
        for port, process in processes.items():
            until_ready(port, process)
        yield [f"http://127.0.0.1:{port}" for port in processes]


@contextmanager
def serving_in(folder, port, workers, **settings):
    """The process on the folder's SQLite file, ready; its log is the folder's too."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port), "--workers", str(workers)],
            cwd=folder, env=environment(**settings), stderr=log,
        )  # fmt: skip
    try:
        until_ready(port, process)
        yield process
    finally:
        process.kill()
        process.wait()


def until(happens):
    """What it gives, once that is true."""
    deadline = time.monotonic() + 120  # other programs may keep the machine busy
    while not (result := happens()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return result


def until_ready(port, process):
    deadline = time.monotonic() + 120  # other programs may keep the machine busy
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=60).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("the service was not ready in time")


def workers_of(process):
    """The process ids of its two workers."""
    children = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    workers = [int(line.split()[0]) for line in children.splitlines() if "spawn_main" in line]
    assert len(workers) == 2
    return workers


def person(folder, **settings):
    """The headers of somebody new on the folder's SQLite file, or on the store that is set."""
    return headers_of(imported(folder, **settings))


def headers_of(user, issuer=SIGNER):
    token = sign(issuer, {"sub": str(user), "tenant_id": TENANT, "exp": int(time.time()) + 600})
    return {"Authorization": f"Bearer {token}", "X-Tenant-ID": TENANT}


def imported(folder, **settings):
    """The id of somebody new, which is their subject."""
    user = uuid4()
    (folder / "people.csv").write_text(
        f"tenant_id,id,email,auth_provider\n{TENANT},{user},ada@example.org,local\n"
    )
    subprocess.run(
        [COMMAND, "users", "import", "people.csv"], cwd=folder, env=environment(**settings),
        check=True, capture_output=True,
    )  # fmt: skip
    return user
