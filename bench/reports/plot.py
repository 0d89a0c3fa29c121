"""Line charts as SVG, readable on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 400, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 32, 34, 44
LEGEND = 30
STYLE = """
svg { --page: #ffffff; --text: #1f2328; --grid: #d8dee4; --a: #0969da; --b: #bc4c00; --c: #1a7f37; --d: #8250df }
@media (prefers-color-scheme: dark) {
  svg { --page: #0d1117; --text: #e6edf3; --grid: #30363d; --a: #58a6ff; --b: #f0883e; --c: #3fb950; --d: #bc8cff }
}
text { font: 12px system-ui, sans-serif; fill: var(--text) }
.title { font-weight: 600 }
.grid { stroke: var(--grid); stroke-width: 1 }
.line { fill: none; stroke-width: 2 }
"""


@dataclass(frozen=True)
class Panel:
    """One chart; ``lines`` by their names, which have the same colour in every panel.

    ``x`` values are categories: equidistant, each with a tick.
    """

    title: str
    x_label: str
    lines: Mapping[str, Points]


def svg(panels: Sequence[Panel], *, title: str, columns: int) -> str:
    """All panels, ``columns`` in a row, and one legend below."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    rows = math.ceil(len(panels) / columns)
    width, height = WIDTH * columns, HEIGHT * rows + LEGEND
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" rx="6" style="fill: var(--page)"/>',
    ]
    for number, panel in enumerate(panels):
        x, y = number % columns * WIDTH, number // columns * HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(panel, names)}</g>')
    parts.append(f'<g transform="translate({LEFT} {HEIGHT * rows + 8})">{_legend(names)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel, names: Sequence[str]) -> str:
    points = [point for line in panel.lines.values() for point in line]
    xs = sorted({x for x, _ in points})
    ticks = _ticks(max(y for _, y in points))
    across = (WIDTH - LEFT - RIGHT) / max(len(xs) - 1, 1)
    up = (HEIGHT - TOP - BOTTOM) / ticks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + xs.index(x) * across, HEIGHT - BOTTOM - y * up

    parts = [_text(LEFT, 20, panel.title, "start", kind="title")]
    for tick in ticks:
        y = place(xs[0], tick)[1]
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(_text(LEFT - 6, y + 4, f"{tick:,.10g}", "end"))
    parts += [_text(place(x, 0)[0], HEIGHT - BOTTOM + 17, f"{x:,.10g}", "middle") for x in xs]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, panel.x_label, "middle"))
    for name, line in panel.lines.items():
        look = _look(names.index(name))
        way = " ".join(f"{a:.1f},{b:.1f}" for a, b in (place(*point) for point in line))
        parts.append(f'<polyline class="line" points="{way}" style="{look}"/>')
        for point in line:
            a, b = place(*point)
            parts.append(
                f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" style="{_fill(names.index(name))}"/>'
            )
    return "".join(parts)


def _legend(names: Sequence[str]) -> str:
    parts, x = [], 0.0
    for number, name in enumerate(names):
        parts.append(
            f'<line class="line" x1="{x:.0f}" x2="{x + 24:.0f}" y1="6" y2="6" style="{_look(number)}"/>'
        )
        parts.append(_text(x + 30, 10, name, "start"))
        x += 54 + 7 * len(name)
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str, *, kind: str = "") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _look(number: int) -> str:
    """A colour and a dash pattern, which is readable without colours too."""
    dashes = ["", "6 3", "2 3", "9 3 2 3"][number % 4]
    return f"stroke: var(--{'abcd'[number % 4]}); stroke-dasharray: {dashes or 'none'}"


def _fill(number: int) -> str:
    return f"fill: var(--{'abcd'[number % 4]})"


def _ticks(most: float) -> list[float]:
    """From nought in round steps, the last not below ``most``."""
    rough = most / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough)
    return [number * step for number in range(math.ceil(most / step - 1e-9) + 1)]
