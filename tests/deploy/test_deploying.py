"""docs/operations/deploy.md and find-out-why.md work as they stand: commands, unit, compose file."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import get_args

import httpx2
import pytest
import yaml

import stand_in
from profile_api.app import create_app
from profile_api.settings import Settings
from profile_domain.errors import LogReason
from profile_testing import ports
from profile_testing.postgres_database import connected
from programs import found, needs, skip_without
from serving import until

pytestmark = pytest.mark.journey

DEPLOY, WHY = "docs/operations/deploy.md", "docs/operations/find-out-why.md"
UNIT = "deploy/systemd/profile-service.service"
STOOD_IN_FOR = ("systemctl", "journalctl", "nginx", "docker")
PORTS = ("service", "https", "proxy", "redis", "first", "second")


def commands(text):
    """Those of a page, in order."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


class Machine:
    """A folder with this repository and what the commands of a page take for the machine."""

    def __init__(self, folder, repository, postgres, held):
        self.folder = folder
        self.held = held | {"postgres": postgres.port}
        self.environment = {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PATH": f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(postgres.port),
        }
        (folder / "ports.json").write_text(json.dumps(self.held))
        (folder / "bin").mkdir()
        for each in STOOD_IN_FOR:
            program = folder / "bin" / each
            program.write_text(
                f'#!/bin/sh\nexec {sys.executable} {stand_in.__file__} {folder} {each} "$@"\n'
            )
            program.chmod(0o755)
        (folder / "bin/psql").symlink_to(postgres._bin / "psql")
        for each in ("etc/systemd/system", "etc/nginx/conf.d", "opt/profile-service"):
            (folder / each).mkdir(parents=True)
        (folder / "opt/profile-service/bin").symlink_to(Path(sys.executable).parent)
        self.repository = folder / "repository"
        shutil.copytree(repository / "deploy", self.repository / "deploy", copy_function=self._copy)

    def run(self, block):
        """What the commands print; they must succeed."""
        done = subprocess.run(
            ["sh", "-euc", self.here(block)], cwd=self.repository, env=self.environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr + self.log
        return done.stdout

    def here(self, text):
        """The same words for what is here."""
        held = self.held
        for word, instead in {
            r"(?<![\w.}])/(?=(?:etc|opt)/)": f"{self.folder}/",
            r"127\.0\.0\.1:8000": f"127.0.0.1:{held['service']}",
            r"--port 8000": f"--port {held['service']}",
            r"127\.0\.0\.1:8080": f"127.0.0.1:{held['proxy']}",
            r"db\.internal": f"127.0.0.1:{held['postgres']}",
            r"listen 443": f"listen 127.0.0.1:{held['https']}",
            r"(?<=example\.com):443": f":{held['https']}",
            r"https://profile\.example\.com": f"https://profile.example.com:{held['https']}",
            r"/var/log/nginx": str(self.folder),
        }.items():
            text = re.sub(word, instead, text)
        return text

    def _copy(self, source, target):
        text = Path(source).read_text()
        in_containers = Path(source).name == "compose.yaml"
        Path(target).write_text(text if in_containers else self.here(text))
        shutil.copymode(source, target)

    @property
    def log(self):
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def end(self):
        path = self.folder / "pids"
        for pid in map(int, path.read_text().split() if path.exists() else ()):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)


@pytest.fixture
async def machine(tmp_path, repository, postgres_server):
    skip_without("nginx")
    skip_without("curl")
    with ExitStack() as stack:
        held = {each: stack.enter_context(ports.reserved()).getsockname()[1] for each in PORTS}
        machine = Machine(tmp_path, repository, postgres_server, held)
        try:
            yield machine
        finally:
            machine.end()
            async with connected(postgres_server.url) as connection:
                for drop in (
                    "DATABASE IF EXISTS profile WITH (FORCE)",
                    "ROLE IF EXISTS profile_owner",
                    "ROLE IF EXISTS profile_service",
                ):
                    await connection.execute(f"DROP {drop}")


@pytest.fixture
def page(repository):
    return (repository / DEPLOY).read_text()


def section(page, title):
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_command_of_the_page_is_in_a_section_that_a_test_runs(page):
    run = [
        *commands(section(page, "On a server, by systemd")),
        *commands(section(page, "With Docker")),
    ]
    assert commands(page) == run


async def test_the_page_leads_to_a_service_behind_nginx_that_says_why(machine, page, repository):
    skip_without("promtool")
    installing, *blocks = commands(section(page, "On a server, by systemd"))
    assert installing.splitlines()[0] == "python3 -m venv /opt/profile-service"
    printed = await asyncio.to_thread(machine.run, "".join(blocks))
    assert "Migrated from an empty store" in printed
    assert '{"status":"ready"' in printed  # its second worker may still be starting
    assert printed.endswith('"avatar_base64":null}')
    etc = machine.folder / "etc/profile-service"
    for secret in ("owner.url", "service.url", "issuers.json"):
        assert (etc / secret).stat().st_mode & 0o077 == 0
    assert (etc / "policies/first.cedar").stat().st_mode & 0o004

    why = (repository / WHY).read_text()
    complaint = """
        export REQUEST_ID=of-a-complaint
        curl --silent --cacert /etc/nginx/profile/profile.pem --output answer \\
          --resolve profile.example.com:443:127.0.0.1 -H "X-Request-ID: $REQUEST_ID" \\
          https://profile.example.com/v1/users/me/profile
    """
    setting, *asking = commands(why)
    said = await asyncio.to_thread(machine.run, setting + complaint + "".join(asking))
    assert f"PROFILE_POLICY_DIR={etc}/policies" in said  # as the unit has it
    of_the_service, of_nginx = (
        json.loads(line) for line in said.splitlines()[:2] if '"of-a-complaint"' in line
    )
    assert (of_the_service["code"], of_the_service["reason"]) == ("unauthenticated", "header")
    assert (of_nginx["client"], of_nginx["status"]) == ("127.0.0.1", 401)
    for each in ("ada@acme.example", "ok", "PROFILE_ISSUERS", "SUCCESS", "profile_build_info"):
        assert each in said


async def test_the_page_leads_to_what_the_compose_file_says(machine, page):
    skip_without("redis-server")
    (machine.repository / "people.csv").write_text(
        "tenant_id,id,email,auth_provider\n"
        "7f1b3c5e-2d4a-4c6b-8e9f-0a1b2c3d4e5f,2f6a0d3c-63d3-4c5a-9f2e-0d8a3f6b1c11,a@b.example,local\n"
    )
    printed = await asyncio.to_thread(machine.run, "".join(commands(section(page, "With Docker"))))
    assert "1 added" in printed
    assert printed.endswith('{"status":"ok"}')
    address = f"http://127.0.0.1:{machine.held['proxy']}"
    for _ in range(4):  # both replicas
        answer = httpx2.put(f"{address}/v1/users/me/profile", json={})
        assert answer.json()["code"] == "unauthenticated"
    for each in ("first", "second"):
        await asyncio.to_thread(until, partial(is_ready, machine.held[each]))


def is_ready(port):
    """A replica may still start when the other answers."""
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz").json()["status"] == "ready"
    except httpx2.TransportError:
        return False


@needs("systemd-analyze")
def test_the_unit_is_one_and_its_sandbox_is_tight(repository, tmp_path):
    unit = tmp_path / "profile-service.service"
    unit.write_text(
        (repository / UNIT)
        .read_text()
        .replace("/opt/profile-service/bin", str(Path(sys.executable).parent))
    )
    for arguments in (
        ["verify", "--man=no", "--recursive-errors=no"],
        ["security", "--offline=true", "--no-pager", "--threshold=20"],
    ):
        done = subprocess.run(
            [found("systemd-analyze"), *arguments, unit],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "Unknown" in done.stderr) == (0, False), done.stdout + done.stderr


def test_the_unit_and_the_compose_file_name_settings_that_exist(repository):
    compose = yaml.safe_load((repository / "deploy/compose.yaml").read_text())
    named = {
        *re.findall(r"^Environment=(PROFILE_\w+)=", (repository / UNIT).read_text(), re.MULTILINE),
        *(
            name
            for service in compose["services"].values()
            for name in service.get("environment", {})
            if name.startswith("PROFILE_")
        ),
    }
    known = {f"PROFILE_{name.upper()}" for name in Settings.model_fields}
    assert {name.removesuffix("_FILE") for name in named} <= known
    assert len(named) >= 4


def test_no_secret_stands_in_the_environment_of_a_container(repository):
    compose = yaml.safe_load((repository / "deploy/compose.yaml").read_text())
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            assert key.endswith("_FILE") or "://:" not in value, name
            assert not re.search("(PASSWORD|SECRET|ISSUERS|DATABASE_URL)$", key), name
        assert service["restart"] == ("no" if name in {"migrate", "import"} else "unless-stopped")


def test_each_alert_and_each_metric_is_explained(repository, metrics):
    page = (repository / WHY).read_text()
    rules = yaml.safe_load((repository / "deploy/observability/alerts.yaml").read_text())
    (group,) = rules["groups"]
    explained = re.findall(r"^\| `(Profile\w+)` \|", page, re.MULTILINE)
    assert explained == [rule["alert"] for rule in group["rules"]]
    table = page.split("## Metrics")[1]
    named = set(re.findall(r"`((?:profile|process)_\w+)`", table))
    assert named == metrics


@pytest.fixture
def metrics():
    """The names of all that the service tells, without what each histogram has."""
    app = create_app(Settings.model_construct())
    told = re.findall(r"^# TYPE (\w+)", app.state.metrics.text().decode(), re.MULTILINE)
    return {name for name in told if not name.endswith("_created")}


def test_each_reason_of_a_401_is_explained(repository):
    table = (repository / WHY).read_text().split("### Reasons of a 401")[1].split("## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert explained - {"reason"} == set(get_args(LogReason))


def test_the_index_of_pages_has_each(repository):
    folder = repository / "docs/operations"
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text()))
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} <= linked
