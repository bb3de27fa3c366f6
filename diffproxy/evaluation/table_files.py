"""Tables of the paper's four errors as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from diffproxy.utils.io import write_atomic

METRICS = {"pa_mpjpe": "PA-MPJPE", "ra_mpjpe": "MPJPE", "pa_mpvpe": "PA-MPVPE", "ra_mpvpe": "MPVPE"}
"""Keys of `evaluate.py` and the paper's columns, whose MPJPE and MPVPE are root-aligned."""

Row = list[float | None]
"""The errors of METRICS for each data set of a table, mm; None where there is none."""


def write_tables(stem: Path, lines: dict[str, Row], settings: Sequence[str]) -> str:
    """Rows of METRICS for each of `settings` as Markdown, CSV and LaTeX beside each other; returns the Markdown."""
    texts = {"md": markdown(lines, settings), "csv": as_csv(lines, settings), "tex": latex(lines, settings)}
    for ending, text in texts.items():
        write_atomic(stem.with_suffix(f".{ending}"), text.encode())
    return texts["md"]


def cell(value: float | None) -> str:
    """A number as tables print it; a dash for None."""
    return "-" if value is None else f"{value:.1f}"


def columns(settings: Sequence[str]) -> list[str]:
    """Heading of each column: every metric of every setting."""
    return [f"{setting} {metric}" for setting in settings for metric in METRICS.values()]


def markdown(lines: dict[str, Row], settings: Sequence[str]) -> str:
    """One table a data set, as 24 columns fit no page."""
    blocks, width = [], len(METRICS)
    for number, setting in enumerate(settings):
        rows = [f"| {setting} | {' | '.join(METRICS.values())} |", "|---" * (width + 1) + "|"]
        for name, values in lines.items():
            rows.append(
                f"| {name} | {' | '.join(cell(v) for v in values[number * width : (number + 1) * width])} |"
            )
        blocks.append("\n".join(rows))
    return "\n\n".join(blocks) + "\n"


def as_csv(lines: dict[str, Row], settings: Sequence[str]) -> str:
    """The table as CSV, one row a method."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["method", *columns(settings)])
    writer.writerows([name, *(cell(v) for v in values)] for name, values in lines.items())
    return text.getvalue()


def latex(lines: dict[str, Row], settings: Sequence[str]) -> str:
    """The table as a LaTeX `tabular`, one row a method (needs booktabs)."""
    head = " & ".join(rf"\multicolumn{{{len(METRICS)}}}{{c}}{{{s}}}" for s in settings)
    names = " & ".join(list(METRICS.values()) * len(settings))
    rows = [rf"{name} & {' & '.join(cell(v) for v in values)} \\" for name, values in lines.items()]
    body = [rf" & {head} \\", rf"Method & {names} \\", r"\midrule", *rows]
    return (
        "\n".join([rf"\begin{{tabular}}{{l{'c' * len(columns(settings))}}}", *body, r"\end{tabular}"]) + "\n"
    )
