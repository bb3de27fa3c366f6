"""Errors against the number of samples or of views, as in the paper's Figs. 7 and 8: a table and a plot.

    python -m diffproxy.evaluation.sweep samples=1,2,3,5 generator.steps=4 shards=shards/test out=out/samples
    python -m diffproxy.evaluation.sweep views=1,2,3,4 shards=shards/test limit=50 out=out/views

runs `evaluate.py` once for each number; other words are its options. `out` gets the JSON of each, `sweep.csv` and
`sweep.svg`. JSONs that are there already, with the same options, are not made again. Exit status 2: wrong input.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffproxy.evaluation.table1 import METRICS, TABLES, Row, cell, evaluation, run_table
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from diffproxy.utils.options import option

COLORS = ("#1b6ca8", "#5aa9e6", "#b3541e", "#e6a15a")
LEFT, TOP, WIDTH, HEIGHT = 60, 20, 360, 240  # of the axes, pixels
TICKS = 5  # of the axis of errors


@dataclass
class SweepOptions:
    samples: str = option("", "numbers of samples", "N,N,...")
    views: str = option("", "numbers of views", "N,N,...")
    out: str = TABLES("out/sweep")

    def __post_init__(self) -> None:
        """InputError unless one of the two has numbers."""
        if bool(self.samples) == bool(self.views):
            raise InputError("samples=N,N,... or views=N,N,...", "both or none", "write samples=1,2,3")
        if not all(word.isdecimal() and int(word) for word in self.words):
            raise InputError(
                f"{self.name} as numbers from 1 on", ",".join(self.words), f"write {self.name}=1,2,3"
            )

    @property
    def name(self) -> str:
        """Which of the two."""
        return "samples" if self.samples else "views"

    @property
    def words(self) -> list[str]:
        return (self.samples or self.views).split(",")


def sweep(options: SweepOptions, more: Sequence[str] = ()) -> str:
    """Evaluate what is missing, write table and plot; returns the table as CSV."""
    out = Path(options.out).expanduser()
    numbers = sorted({int(word) for word in options.words})
    rows = [evaluation([f"{options.name}={n}", *more], out / f"{options.name}-{n}.json") for n in numbers]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([options.name, *METRICS.values()])
    writer.writerows([n, *(cell(v) for v in row)] for n, row in zip(numbers, rows, strict=True))
    lines = dict(zip(METRICS.values(), (list(column) for column in zip(*rows, strict=True)), strict=True))
    write_atomic(out / "sweep.csv", text.getvalue().encode())
    write_atomic(out / "sweep.svg", plot(numbers, lines, options.name).encode())
    return text.getvalue()


def plot(numbers: Sequence[int], lines: Mapping[str, Row], name: str) -> str:
    """An SVG of each line over the numbers; errors in millimetres, from 0 on. Missing values have no point."""
    top = 1.1 * max((v for line in lines.values() for v in line if v is not None), default=1.0)
    span = max(numbers[-1] - numbers[0], 1)

    def x(number: float) -> float:
        return LEFT + WIDTH * (number - numbers[0]) / span

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - value / top)

    def text(at: tuple[float, float], words: str, anchor: str = "middle", color: str = "#222") -> str:
        return f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" fill="{color}">{words}</text>'

    parts = [text((x(n), TOP + HEIGHT + 20), str(n)) for n in numbers]
    parts.append(text((LEFT + WIDTH / 2, TOP + HEIGHT + 42), name))
    for value in (top * k / TICKS for k in range(TICKS + 1)):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(text((LEFT - 8, y(value) + 4), f"{value:.0f} mm", "end"))
    for k, (label, line) in enumerate(lines.items()):
        color = COLORS[k % len(COLORS)]
        points = [(x(n), y(v)) for n, v in zip(numbers, line, strict=True) if v is not None]
        joined = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{color}"/>' for px, py in points]
        parts.append(text((LEFT + WIDTH + 12, TOP + 14 + 20 * k), label, "start", color))
    size = f'width="{LEFT + WIDTH + 110}" height="{TOP + HEIGHT + 56}"'
    font = 'font-family="sans-serif" font-size="12"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>\n{body}\n</svg>\n'


def main(words: Sequence[str] | None = None) -> int:
    return run_table(sys.argv[1:] if words is None else words, SweepOptions, __doc__ or "", sweep)


if __name__ == "__main__":
    sys.exit(main())
