"""The command that serves, as a process of its own."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from command import ISSUERS, csv, environment, person
from profile_testing import nginx
from programs import needs
from running import ME, TENANT

pytestmark = pytest.mark.journey

COMMAND = [str(Path(sys.executable).with_name("profile-service"))]


@contextmanager
def started(folder, *arguments, **settings):
    """The command as a process of its own, which must end with status 0 at SIGTERM."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env=environment(**settings), stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(60)
        process.stdout.close()


def wait_for(address, process):
    deadline = time.monotonic() + 120  # other programs may keep the machine busy
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            return httpx2.get(address, timeout=60)
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not answer")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_answers_and_ends_with_status_0(run, tmp_path, port, workers):
    run("migrate")
    run("users", "import", csv(tmp_path, person(uuid4(), "ada@example.com")))
    token = run("token", "--tenant", TENANT, "--user", "ada@example.com", issuers=ISSUERS).strip()
    arguments = ("serve", "--port", str(port), "--workers", workers)
    with started(tmp_path, *arguments, issuers=ISSUERS) as process:
        address = f"http://127.0.0.1:{port}"
        assert wait_for(f"{address}/readyz", process).status_code == 200
        headers = {"Authorization": f"Bearer {token}", "X-Tenant-ID": TENANT}
        answer = httpx2.put(address + ME, json={"display_name": "A"}, headers=headers, timeout=60)
        assert answer.json()["display_name"] == "A"
        assert httpx2.get(f"{address}/docs", timeout=60).status_code == 404


def test_demo_prints_lines_that_work_as_printed(tmp_path, port):
    with started(tmp_path, "demo", "--port", str(port)) as process:
        wait_for(f"http://127.0.0.1:{port}/readyz", process)
        lines = printed(process)
        curls = [line.strip() for line in lines if line.strip().startswith("curl")]
        providers = {
            word for line in lines for word in ("local", "oidc", "saml") if f"{word} user" in line
        }
        assert providers == {"local", "oidc", "saml"}
        assert len(curls) == 12
        for curl in curls:
            assert_works(curl)
        assert list(tmp_path.iterdir()) == [], "a demo leaves nothing behind"


@needs("nginx")
def test_demo_prints_the_addresses_at_which_people_reach_it(tmp_path, port):
    # A demo answers to its own names, so the proxy passes on the one that people use.
    stripping = """location /profile/ {
        proxy_pass http://service/; proxy_set_header Host $http_host;
    }"""
    with nginx.proxied(tmp_path, f"http://127.0.0.1:{port}", stripping) as front:
        public = {"public_url": f"{front}/profile/"}
        with started(tmp_path, "demo", "--port", str(port), **public) as process:
            wait_for(f"http://127.0.0.1:{port}/readyz", process)
            lines = printed(process)
            assert_works(next(line.strip() for line in lines if "curl -X PUT" in line))
            pages = [line.split()[1] for line in lines if line.startswith(("Settings", "GraphiQL"))]
            assert pages == [f"{front}/profile/", f"{front}/profile/graphql"]
            for each in pages:
                assert httpx2.get(each, headers={"Accept": "text/html"}).status_code == 200


def printed(process):
    """What it prints, to the line of the last of its pages but one."""
    lines = []
    while not any("GraphiQL" in line for line in lines):
        lines.append(process.stdout.readline())
        assert lines[-1], "it ended its output"
    return lines


def assert_works(curl):
    done = subprocess.run(
        ["sh", "-c", curl + " -sS"], capture_output=True, text=True, check=True, timeout=60
    )
    output = json.loads(done.stdout)
    assert "errors" not in output
    assert "code" not in output
