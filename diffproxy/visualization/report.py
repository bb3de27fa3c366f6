"""`report.html`: one file that says what a run found, how well, and what went wrong. No network, no scripts."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import diffproxy
from diffproxy.utils.io import write_atomic
from diffproxy.visualization.report_style import STYLE
from diffproxy.visualization.sheet import encode_image, shrink

GOOD, FAIR = {"ok"}, {"one_view", "filled"}  # the other statuses are shown as failures


@dataclass(frozen=True)
class Report:
    """What to show. Everything is optional but the title; text is escaped.

    `summary`: a few key numbers, shown large. `tables`: title -> rows of a table (keys are the columns).
    `frames`: one mapping per frame; its "status" is coloured. `pictures`: (caption, RGB image).
    """

    title: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    frames: Sequence[Mapping[str, Any]] = ()
    pictures: Sequence[tuple[str, np.ndarray]] = ()


def write_report(path: str | Path, report: Report, max_side: int = 1600, quality: int = 85) -> None:
    """Write the page; pictures are shrunk to `max_side` pixels and embedded as JPEG."""
    write_atomic(Path(path), report_html(report, max_side, quality).encode())


def report_html(report: Report, max_side: int = 1600, quality: int = 85) -> str:
    """The page as text."""
    body = [f"<h1>{_text(report.title)}</h1>"]
    if report.summary:
        cards = (f"<div><b>{_value(v)}</b><span>{_text(k)}</span></div>" for k, v in report.summary.items())
        body.append(f'<section class="cards">{"".join(cards)}</section>')
    body += [_list("Warnings", report.warnings, "warn"), _list("Notes", report.notes, "note")]
    body += [_figure(caption, shrink(image, max_side), quality) for caption, image in report.pictures]
    for title, rows in report.tables.items():
        if rows:
            body.append(f"<h2>{_text(title)}</h2>{table(rows)}")
    if report.frames:
        body.append(f"<h2>Frames</h2>{table(report.frames)}")
    body.append(f"<footer>diffproxy {_text(diffproxy.__version__)}</footer>")
    return _page(report.title, "".join(body))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """An HTML table whose columns are the rows' keys, in the order they first appear."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = "".join(f"<th>{_text(c)}</th>" for c in columns)
    lines = ["".join(_cell(c, row.get(c)) for c in columns) for row in rows]
    filling = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{filling}</tbody></table></div>'


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_text(title)}</title>'
    start = f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head>'
    return f"{start}<body>{body}</body></html>\n"


def _figure(caption: str, image: np.ndarray, quality: int) -> str:
    data = base64.b64encode(encode_image(image, ".jpg", quality)).decode()
    text = _text(caption)
    picture = f'<img src="data:image/jpeg;base64,{data}" alt="{text}">'
    return f"<figure>{picture}<figcaption>{text}</figcaption></figure>"


def _cell(column: str, value: Any) -> str:
    kind = "num" if isinstance(value, int | float | np.number) and not isinstance(value, bool) else ""
    if column == "status":
        kind = "ok" if value in GOOD else "fair" if value in FAIR else "bad"
    return f'<td class="{kind}">{_value(value)}</td>' if kind else f"<td>{_value(value)}</td>"


def _value(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    if isinstance(value, list | tuple):
        return _text(", ".join(str(v) for v in value))
    return _text(str(value))


def _list(title: str, lines: Sequence[str], kind: str) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f'<section class="{kind}"><h2>{title}</h2><ul>{items}</ul></section>'


def _text(text: str) -> str:
    return html.escape(str(text), quote=True)
