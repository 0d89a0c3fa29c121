"""Programs that some tests need and a machine may lack: those tests are skipped, and the run says so.

``PACKAGES`` maps each program to the Debian packages that bring it.
"""

import re
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

PACKAGES = {
    "caddy": "caddy",
    "chromium": "chromium",
    "curl": "curl",
    "go": "golang-go",
    "java": "default-jdk-headless",
    "nginx": "nginx-light",
    "node": "nodejs npm",
    "promtool": "prometheus",
    "redis-server": "redis-server",
    "ruby": "ruby",
    "systemd-analyze": "systemd",
}
OLDEST_NODE = 20
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_REASON = "needs {}"


@cache
def found(program: str) -> str | None:
    """Its path; None where it is missing or too old. Node counts once npm's packages are there."""
    if program == "chromium":
        return next(filter(None, map(shutil.which, BROWSERS)), None)
    path = shutil.which(program)
    if program == "node" and path and not _usable(path):
        return None
    return path


def _usable(node: str) -> bool:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    packages = Path(__file__).parent.glob("*/package.json")
    return int(version.removeprefix("v").partition(".")[0]) >= OLDEST_NODE and all(
        each.with_name("node_modules").is_dir() for each in packages
    )


def needs(program: str) -> pytest.MarkDecorator:
    """Skips a test where the program is missing."""
    assert program in PACKAGES
    return pytest.mark.skipif(found(program) is None, reason=_REASON.format(program))


def skip_without(program: str) -> None:
    """The same, for a fixture."""
    if found(program) is None:
        pytest.skip(_REASON.format(program))


def summary(reasons: list[str]) -> str | None:
    """One line on what was skipped for want of which programs, and what brings them."""
    pattern = re.compile(rf"(?:Skipped: )?{_REASON.format('(.+)')}")
    missing = Counter(match[1] for each in reasons if (match := pattern.fullmatch(each)))
    if not missing:
        return None
    counts = ", ".join(f"{count} for want of {name}" for name, count in sorted(missing.items()))
    packages = " ".join(PACKAGES[name] for name in sorted(missing))
    node = f" (Node {OLDEST_NODE} or later)" if "node" in missing else ""
    return f"Skipped tests: {counts}. To run them: apt-get install {packages}{node}"
