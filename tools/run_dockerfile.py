"""Runs what deploy/Dockerfile runs, in folders of its own: for machines without Docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
SENT = (
    *("api", "domain", "graphql", "LICENSE", "README.md", "pyproject.toml"),
    *("requirements-image.lock", "requirements-build.lock"),
)


def main() -> None:
    """Exits with status 1 at the first command that fails."""
    with tempfile.TemporaryDirectory(prefix="profile-image-") as name:
        folder = Path(name)
        source = folder / "src"
        source.mkdir()
        for part in SENT:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, source / part)
        lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
        for line in lines:
            if line.startswith("RUN "):
                _run(line.removeprefix("RUN "), folder)
        (served,) = (json.loads(line[4:]) for line in lines if line.startswith("CMD "))
        (health,) = (
            json.loads(line.partition("CMD ")[2]) for line in lines if "HEALTHCHECK" in line
        )
        _serve(served, health, folder)


def _run(command: str, folder: Path) -> None:
    for made in ("/app", "/build", "/wheel"):
        command = command.replace(made, f"{folder}{made}")
    command = command.replace("python -m venv", f"{sys.executable} -m venv")
    print(f"RUN {command}", flush=True)
    subprocess.run(command, shell=True, check=True, cwd=folder / "src", stdout=subprocess.DEVNULL)


def _serve(served: list[str], health: list[str], folder: Path) -> None:
    """The image's own command on a store of SQLite, until its health check passes."""
    issuer = {
        "issuer": "https://i.example",
        "audience": "a",
        "algorithms": ["HS256"],
        "secret": "x" * 32,
    }
    environment = {
        "PATH": f"{folder}/app/bin:{os.environ['PATH']}",
        "PROFILE_ISSUERS": json.dumps([issuer]),
    }
    subprocess.run(["profile-service", "migrate"], check=True, cwd=folder, env=environment)
    on_loopback = ["127.0.0.1" if part == "0.0.0.0" else part for part in served]
    server = subprocess.Popen(on_loopback, cwd=folder, env=environment)
    try:
        for _ in range(100):
            checked = subprocess.run(
                health, cwd=folder, env=environment, capture_output=True, check=False
            )
            if checked.returncode == 0:
                break
            time.sleep(0.1)
        else:
            raise SystemExit("the health check never passed")
    finally:
        server.terminate()
        status = server.wait(60)
    if status != 0:
        raise SystemExit(f"the service ended with status {status}")
    print("The image's commands work; its health check passes.")


main()
