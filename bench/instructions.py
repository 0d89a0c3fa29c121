"""Instructions a request, counted by Valgrind: this service, another checkout's and the bare program.

``.venv/bin/python bench/instructions.py ../before``: takes some 18 minutes. CPU time on a shared
machine differs by a third between two runs; this differs by a hundredth. What the kernel does is
not counted, nor how long an instruction takes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import against
from reports.results import RESULTS, Row, environment, keep, line, summary, table
from world import FEW, MANY, World, make_world
from wrk import NAMES, Kind, load, require

from targets import (
    Target,
    bare_command,
    bare_environment,
    free_port,
    our_command,
    settings_of,
    started,
)  # fmt: skip

COLUMNS = {
    "people|,": "people", "store": "store", "what": "request", "bare|,.0f": "thousand instructions, bare",
    "before|,.0f": "before", "after|,.0f": "after", "ratio|.2f": "after / before",
    "after_bare|.2f": "after / bare",
}  # fmt: skip
CONNECTIONS = 16
WARM_SECONDS, SECONDS = 12, 8
KINDS: tuple[Kind, ...] = ("put", "mutation", "get", "query")


def laid_out(rows: Sequence[Row]) -> str:
    return table(COLUMNS, rows)


def counted(command: list[str], folder: Path) -> list[str]:
    """The command under Valgrind, which counts nothing yet."""
    return [
        "valgrind", "--tool=callgrind", "--instr-atstart=no",
        f"--callgrind-out-file={folder}/counted.%p", *command,
    ]  # fmt: skip


def count(target: Target, world: World, kind: Kind, folder: Path) -> float:
    """Thousands of instructions a request, of a target that has answered such requests before."""
    load(target, world, kind, connections=CONNECTIONS, seconds=WARM_SECONDS)
    _control("--instr=on", target)
    done = load(target, world, kind, connections=CONNECTIONS, seconds=SECONDS)
    _control("--dump", target)
    _control("--instr=off", target)
    dumps = sorted(folder.glob(f"counted.{target.process.pid}.*"), key=lambda f: f.stat().st_mtime)
    total = re.search(r"^totals: (\d+)", dumps[-1].read_text(errors="replace"), re.MULTILINE)
    if total is None:
        sys.exit(f"{target.name}: Valgrind has counted nothing")
    return int(total[1]) / (done.answered + done.refused) / 1000


def _control(what: str, target: Target) -> None:
    command = ["callgrind_control", what, str(target.process.pid)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def measure(name: str, world: World, command: str, folder: Path) -> list[Row]:
    stores = {"postgres": against.postgres, "sqlite": against.sqlite}[name]
    with stores(world, command) as (bare_store, other_store, store):
        port = free_port()
        commands = {
            "bare": (bare_command(name, port), bare_environment(world, bare_store.url)),
            "before": (_with_python(command, port), settings_of(world, other_store.url)),
            "after": (_with_python(our_command(port)[0], port), settings_of(world, store.url)),
        }
        found: dict[str, dict[Kind, float]] = {}
        for program, (whole, settings) in commands.items():
            kinds = ("put", "get") if program == "bare" else KINDS
            with started(program, counted(whole, folder), port, settings) as target:
                found[program] = {kind: count(target, world, kind, folder) for kind in kinds}
    rows: list[Row] = []
    for kind in KINDS:
        before, after = found["before"][kind], found["after"][kind]
        least = found["bare"]["put" if kind in ("put", "mutation") else "get"]
        rows.append(
            {
                "people": len(world.users),
                "store": {"postgres": "Postgres", "sqlite": "SQLite"}[name], "what": NAMES[kind],
                "bare": least, "before": before, "after": after, "ratio": after / before,
                "after_bare": after / least,
            }
        )  # fmt: skip
        print(line(COLUMNS, rows[-1]), flush=True)
    return rows


def _with_python(command: str, port: int) -> list[str]:
    return [str(Path(command).with_name("python")), command, *our_command(port)[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--stores", nargs="+", default=["postgres", "sqlite"])
    parser.add_argument("--people", type=int, nargs="+", default=[MANY, FEW], help="in turn")
    parser.add_argument("--results", type=Path, default=RESULTS, help="a folder")
    args = parser.parse_args()
    require()
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is needed: apt-get install valgrind")
    command = str((args.checkout / ".venv/bin/profile-service").resolve())
    print(f"{summary(environment())}\n\n{table(COLUMNS, [])}", flush=True)
    rows: list[Row] = []
    for people, name in product(args.people, args.stores):
        with TemporaryDirectory(prefix="bench-") as folder:
            world = make_world(Path(folder), people=people)
            rows += measure(name, world, command, Path(folder))
    called = environment()["command"].replace(str(args.checkout), "../before")
    keep(args.results, "instructions", rows, command=called)


if __name__ == "__main__":
    main()
