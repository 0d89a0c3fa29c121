"""Lays what the runs have kept into docs/performance.md, and draws it: ``make bench-report``.

A part's place is between ``<!-- measured: PART -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import against
import compare
import faces
import growth
import instructions
import layers
import start
from reports import draw
from reports.results import RESULTS, Row, kept, summary, table

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_PLACE = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def loads(rows: Sequence[Row]) -> str:
    return table(compare.COLUMNS, [row for row in rows if row["what"] != "resident"])


def timings(rows: Sequence[Row]) -> str:
    return table({"what": "what", "min|,.1f": "least µs", "median|,.1f": "median µs"}, rows)


LAYOUTS: Mapping[str, Callable[[Sequence[Row]], str]] = {
    "instructions": instructions.laid_out,
    "against": against.laid_out,
    "postgres": loads,
    "sqlite": loads,
    "pictures": loads,
    "faces": faces.laid_out,
    "workers": loads,
    "start": start.laid_out,
    "layers": layers.laid_out,
    "growth": growth.laid_out,
    "micro": timings,
}


def memory() -> str:
    rows = [
        {"part": part, **row}
        for part in ("postgres", "sqlite", "workers")
        for row in (kept(RESULTS, part) or {"rows": []})["rows"]
        if row["what"] == "resident"
    ]
    return table({"part": "run", "program": "program", "spread": "resident, each process"}, rows)


def versions() -> list[str]:
    """One line where all parts ran on the same."""
    found = [kept(RESULTS, part) for part in LAYOUTS]
    return sorted({f"Taken with {each['versions']}." for each in found if each})


def section(part: str) -> str | None:
    """What is known of a part; None when nothing is."""
    if part == "memory":
        return memory()
    if part == "versions":
        return "\n".join(versions())
    found = kept(RESULTS, part)
    if found is None:
        return None
    commits = f" Before and after are {found['commits']}." if "commits" in found else ""
    return f"{LAYOUTS[part](found['rows'])}\n\nTaken {summary(found)}.{commits}"


def main() -> None:
    def lay(place: re.Match[str]) -> str:
        text = section(place[2])
        return place[0] if text is None else f"{place[1]}\n{text}\n\n{place[3]}"

    PAGE.write_text(_PLACE.sub(lay, PAGE.read_text()))
    draw.throughput()
    draw.growth()


if __name__ == "__main__":
    main()
