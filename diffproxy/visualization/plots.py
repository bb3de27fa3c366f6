"""Line plots as SVG, inside a page (no scripts, readable in light and dark mode) or as a file of their own."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

COLORS = ("#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#0891b2", "#65a30d", "#dc2626")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 190, 48, 10, 8, 26  # pixels
HEAD = 24  # pixels above the plot of a file
TICKS = 4


@checked
@dataclass(frozen=True)
class LinePlot:
    """Values over frames, or over other numbers.

    Args:
        title: With the unit.
        x: Numbers in rising order.
        series: Name -> one value per number; NaN and None leave a gap.
        x_name: What the numbers are.
        marked: Every number has a label and every value a dot, where there are few of them.
    """

    title: str
    x: Sequence[float]
    series: Mapping[str, Sequence[float | None]]
    x_name: str = "frame"
    marked: bool = False


def line_plot_svg(plot: LinePlot) -> str:
    """The plot as an SVG figure of a page with title and legend; empty text where no value is finite.

    Raises:
        InputError: a series of another length than `x`.
    """
    if not (drawn := _drawn(plot)):
        return ""
    keys = "".join(f'<span><i style="background:{color}"></i>{name}</span>' for color, name in _legend(plot))
    title = html.escape(plot.title)
    image = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{drawn}</svg>'
    return f'<figure class="plot"><b>{title}</b>{image}<div class="keys">{keys}</div></figure>'


def line_plot_file(plot: LinePlot) -> str:
    """The plot as the text of an SVG file, title and legend above it; empty text where no value is finite.

    Raises:
        InputError: a series of another length than `x`.
    """
    if not (drawn := _drawn(plot)):
        return ""
    keys = "".join(f'<tspan dx="14" fill="{color}">{name}</tspan>' for color, name in _legend(plot))
    head = f'<text x="{LEFT}" y="16"><tspan font-weight="bold">{html.escape(plot.title)}</tspan>{keys}</text>'
    width, height = WIDTH, HEIGHT + HEAD
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="11" fill="#222"><rect width="{width}" height="{height}" fill="#fff"/>{head}'
        f'<g transform="translate(0 {HEAD})">{drawn}</g></svg>\n'
    )


def _drawn(plot: LinePlot) -> str:
    """Grid, labels and lines; empty text where no value is finite."""
    lines = {name: np.array(values, dtype=np.float64) for name, values in plot.series.items()}
    for name, values in lines.items():
        if len(values) != len(plot.x):
            raise InputError(f"{len(plot.x)} values of {name}", f"{len(values)}", f"one per {plot.x_name}")
    finite = np.concatenate([v[np.isfinite(v)] for v in lines.values()] or [np.zeros(0)])
    if not len(finite):
        return ""
    ticks = nice_ticks(min(0.0, float(finite.min())), float(finite.max()))
    x_low, x_high = float(plot.x[0]), float(plot.x[-1])
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        up = (y - ticks[0]) / (ticks[-1] - ticks[0])
        return LEFT + across * inner_width, TOP + (1 - up) * inner_height

    parts = []
    for tick in ticks:
        _, y = place(x_low, tick)
        line = (
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid" stroke="#ddd"/>'
        )
        parts += [line, f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>']
    labels = {x_low: "start", x_high: "end"}
    for x in plot.x if plot.marked else labels:
        at, anchor = place(x, 0)[0], labels.get(float(x), "middle")
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{plot.x_name} {x:g}</text>')
    for color, values in zip(_colors(plot), lines.values(), strict=True):
        for run in _runs(plot.x, values):
            points = [place(x, y) for x, y in run]
            parts += [_path(points, color), *(_path([p], color) for p in points if plot.marked)]
    return "".join(parts)


def nice_ticks(low: float, high: float) -> list[float]:
    """About `TICKS` round numbers from at most `low` to at least `high`."""
    span = high - low if high - low > 1e-6 else 1.0
    high = max(high, low + 1e-6)
    power = 10 ** math.floor(math.log10(span / TICKS))
    step = next(m * power for m in (1, 2, 5, 10) if m * power * TICKS >= span)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return [round(k * step, 10) for k in range(first, max(last, first + 1) + 1)]


def _legend(plot: LinePlot) -> list[tuple[str, str]]:
    """Colour and name, as text of a page, of each line."""
    return [(color, html.escape(name)) for color, name in zip(_colors(plot), plot.series, strict=True)]


def _colors(plot: LinePlot) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(len(plot.series))]


def _runs(x: Sequence[float], values: np.ndarray) -> list[list[tuple[float, float]]]:
    """The stretches of finite values."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in zip(x, values.tolist(), strict=True):
        if math.isfinite(value):
            runs[-1].append((float(at), value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _path(points: Sequence[tuple[float, float]], color: str) -> str:
    if len(points) == 1:
        return f'<circle cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="2.5" fill="{color}"/>'
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{text}" fill="none" stroke="{color}" stroke-width="1.6"/>'
