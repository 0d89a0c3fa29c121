"""The pictures of docs/images, drawn from what runs have kept: ``make bench-report``."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from reports.plot import Panel, Points, svg
from reports.results import RESULTS, kept

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def throughput(results: Path = RESULTS) -> None:
    """PUTs by connections, of the most people in turn: ours and the bare program's, by store."""
    panels: list[Panel] = []
    for key, name in (("cpu", "CPU µs for a PUT"), ("rate", "PUTs a second")):
        for part, store in (("postgres", "Postgres"), ("sqlite", "SQLite")):
            found = (kept(results, part) or {"rows": []})["rows"]
            puts = [row for row in found if row["what"] == "PUT"]
            most = max((row["people"] for row in puts), default=0)
            lines: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
            for row in puts:
                if row["people"] == most:
                    lines[row["program"]].append((row["connections"], row[key]))
            if lines:
                panels.append(Panel(f"{store}: {name}", "connections", _named(lines)))
    if panels:
        title = "PUTs of people in turn by connections, ours and a bare program's"
        (IMAGES / "throughput.svg").write_text(svg(panels, title=title, columns=2))


def growth(results: Path = RESULTS) -> None:
    """Requests a second along each axis, as ratios to its smallest size."""
    axes: defaultdict[str, defaultdict[str, list[tuple[float, float]]]]
    axes = defaultdict(lambda: defaultdict(list))
    for row in (kept(results, "growth") or {"rows": []})["rows"]:
        name = f"{row['kind']}, {row['store']}"
        axes[row["axis"]][name].append((row["value"], row["rate_ratio"]))
    if axes:
        panels = [
            Panel(f"Requests a second by {axis}", axis, lines) for axis, lines in axes.items()
        ]
        title = "Requests a second as ratios to the smallest of each size"
        (IMAGES / "growth.svg").write_text(svg(panels, title=title, columns=2))


def _named(lines: dict[str, list[tuple[float, float]]]) -> dict[str, Points]:
    """Ours first, whatever was measured first."""
    names = {"ours": "profile service", "bare": "bare program"}
    return {names[program]: lines[program] for program in names if program in lines}


if __name__ == "__main__":
    throughput()
    growth()
