#!/usr/bin/env python3
"""Calls out what the documents of this checkout take away from clients of an earlier version.

python tools/breaking_changes.py [REF]

REF is a commit; without it the newest tag, or else the last commit whose documents differ from
these. A break is let through when the version in openapi.json says so: by a new first number, or
a new second one while the first is 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

from graphql import build_schema, find_breaking_changes

from openapi_changes import narrowed

ROOT = Path(__file__).resolve().parent.parent
SDL, OPENAPI = "schema.graphql", "openapi.json"


def git(*arguments: str) -> str:
    """What git prints, or nothing where it refuses."""
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # a fixed command
    return done.stdout if done.returncode == 0 else ""


def earlier() -> str | None:
    """The commit to compare with, or None where there is none."""
    tag = git("describe", "--tags", "--abbrev=0").strip()
    if tag:
        return tag
    now = [(ROOT / name).read_text("utf-8") for name in (SDL, OPENAPI)]
    for commit in git("log", "--format=%H", "--", SDL, OPENAPI).split():
        then = [git("show", f"{commit}:{name}") for name in (SDL, OPENAPI)]
        if all(then) and then != now:
            return commit
    return None


def breaks(old: tuple[str, dict[str, Any]], new: tuple[str, dict[str, Any]]) -> list[str]:
    """What clients of the old pair of documents (SDL, OpenAPI) would miss in the new one."""
    by_graphql = find_breaking_changes(build_schema(old[0]), build_schema(new[0]))
    return [
        *(f"GraphQL: {change.description}" for change in by_graphql),
        *(f"REST: {change}" for change in narrowed(old[1], new[1])),
    ]


def is_announced(old: str, new: str) -> bool:
    """Whether a version may break what the old one promised (semver.org, items 4 and 8)."""
    (old_major, old_minor), (major, minor) = (
        [int(number) for number in version.split(".")[:2]] for version in (old, new)
    )
    return major > old_major or (major == old_major == 0 and minor > old_minor)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("ref", nargs="?", help="the commit to compare with")
    ref = arguments.parse_args().ref or earlier()
    if ref is None:
        print("There is no earlier version of the documents to compare with.")
        return
    old = git("show", f"{ref}:{SDL}"), json.loads(git("show", f"{ref}:{OPENAPI}") or "null")
    if not all(old):
        print(f"{ref} has no {SDL} and {OPENAPI} to compare with.")
        return
    new = (ROOT / SDL).read_text("utf-8"), json.loads((ROOT / OPENAPI).read_text("utf-8"))
    found = breaks(old, new)
    print(f"Compared with {ref}: {len(found)} breaking change(s).")
    for change in found:
        print(f"  {change}")
    if found and not is_announced(old[1]["info"]["version"], new[1]["info"]["version"]):
        raise SystemExit("Keep what clients use, or raise the major version.")


if __name__ == "__main__":
    main()
