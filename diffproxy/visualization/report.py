"""`report.html`: results, quality and warnings of a run in one file, without network access or scripts."""

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
from diffproxy.utils.checked import checked
from diffproxy.utils.io import write_atomic
from diffproxy.utils.short_repr import short_repr
from diffproxy.visualization.plots import LinePlot, line_plot_svg
from diffproxy.visualization.sheet import encode_image, shrink

# The style sheet of `report.html`: for light and dark mode, on desktop and phone.


STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .5rem; }
.cards { display: flex; flex-wrap: wrap; gap: .6rem; }
.cards div { background: var(--soft); border-radius: .5rem; padding: .6rem 1rem; min-width: 7rem; }
.cards b { display: block; font-size: 1.3rem; }
.cards span { opacity: .75; font-size: .85rem; }
.warn, .note { border-left: 4px solid #d97706; background: var(--soft); padding: .1rem 1rem .4rem; margin: 1rem 0; }
.note { border-color: #2563eb; }
.warn h2, .note h2 { margin: .4rem 0 .2rem; font-size: 1rem; }
ul { margin: 0; padding-left: 1.2rem; }
details { margin: .3rem 0; }
summary { cursor: pointer; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 0 1.5rem; }
.plot svg { display: block; width: 100%; font-size: 11px; fill: currentColor; }
.plot .grid { stroke: currentColor; opacity: .2; }
.keys { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; }
.keys i { display: inline-block; width: .9rem; height: .25rem; margin-right: .35rem; vertical-align: middle; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; border-radius: .4rem; }
figcaption { opacity: .75; font-size: .85rem; }
.scroll { overflow: auto; max-height: 32rem; border: 1px solid var(--line); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: Canvas; text-align: left; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
.legend span { display: inline-block; width: 1.4rem; height: .9rem; border-radius: .2rem; margin: 0 .4rem -.1rem 0; }
.legend p { margin: .2rem 0; }
td.num { text-align: right; }
td.ok { color: #15803d; font-weight: 600; }
td.fair { color: #b45309; font-weight: 600; }
td.bad { color: #dc2626; font-weight: 600; }
footer { margin-top: 2rem; opacity: .6; font-size: .8rem; }
"""


MAX_SIDE, QUALITY = 1600, 85  # of embedded images: pixels of the longer side, JPEG
OPEN_IMAGES, OPEN_WARNINGS = 2, 5  # the others are folded
GOOD, FAIR = {"ok"}, {"doubtful", "one_view", "filled"}  # the other statuses are shown as failures


@checked
@dataclass(frozen=True)
class Report:
    """Content of the page. Everything but the title is optional; text is escaped.

    `summary`: key numbers, in large type. `tables`: title -> rows of a table (keys are columns). `frames`: one mapping
    per frame; its "status" is coloured. `images`: (caption, RGB image). `legend`: meaning of a colour -> the colour as
    CSS background. `notes`: heading -> lines, which are folded below it.
    """

    title: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    frames: Sequence[Mapping[str, Any]] = ()
    images: Sequence[tuple[str, np.ndarray]] = ()
    legend: Mapping[str, str] = field(default_factory=dict)
    plots: Sequence[LinePlot] = ()

    __repr__ = short_repr


@checked
def write_report(path: str | Path, report: Report) -> None:
    """Write the page; images are reduced to `MAX_SIDE` pixels and embedded as JPEG."""
    write_atomic(Path(path), report_html(report).encode())


@checked
def report_html(report: Report) -> str:
    """The page as text: numbers, pictures, plots and tables, then warnings and notes."""
    body = [f"<h1>{_text(report.title)}</h1>"]
    if report.summary:
        cards = [f"<div><b>{_value(v)}</b><span>{_text(k)}</span></div>" for k, v in report.summary.items()]
        if report.warnings:
            count = len(report.warnings)
            cards.append(f'<div><b><a href="#warnings">{count}</a></b><span>warnings</span></div>')
        body.append(f'<section class="cards">{"".join(cards)}</section>')
    if report.images and report.legend:
        keys = (
            f'<p><span style="background: {_text(c)}"></span>{_text(k)}</p>' for k, c in report.legend.items()
        )
        body.append(f'<section class="legend">{"".join(keys)}</section>')
    figures = [_figure(caption, shrink(image, MAX_SIDE), QUALITY) for caption, image in report.images]
    body += figures[:OPEN_IMAGES]
    if more := figures[OPEN_IMAGES:]:
        body.append(f"<details><summary>{len(more)} more pictures</summary>{''.join(more)}</details>")
    plots = "".join(line_plot_svg(plot) for plot in report.plots)
    body.append(f'<section class="plots">{plots}</section>' if plots else "")
    for title, rows in report.tables.items():
        if rows:
            body.append(f"<h2>{_text(title)}</h2>{table(rows)}")
    if report.frames:
        body.append(f"<h2>Frames</h2>{table(report.frames)}")
    body += [_warnings(report.warnings), _folded(report.notes)]
    body.append(f"<footer>diffproxy {_text(diffproxy.__version__)}</footer>")
    return _page(report.title, "".join(body))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """An HTML table; its columns are the keys of the rows, in the order of their first occurrence."""
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
    tag = f'<img src="data:image/jpeg;base64,{data}" alt="{text}">'
    return f"<figure>{tag}<figcaption>{text}</figcaption></figure>"


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


def _warnings(lines: Sequence[str]) -> str:
    """The first few as they are, the others folded."""
    if not lines:
        return ""
    more = _fold(f"{len(lines) - OPEN_WARNINGS} more", lines[OPEN_WARNINGS:])
    first = _items(lines[:OPEN_WARNINGS])
    return f'<section class="warn" id="warnings"><h2>Warnings</h2>{first}{more}</section>'


def _folded(groups: Mapping[str, Sequence[str]]) -> str:
    shown = "".join(_fold(heading, lines) for heading, lines in groups.items())
    return f'<section class="note"><h2>Notes</h2>{shown}</section>' if shown else ""


def _fold(heading: str, lines: Sequence[str]) -> str:
    return f"<details><summary>{_text(heading)}</summary>{_items(lines)}</details>" if lines else ""


def _items(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>"


def _text(text: str) -> str:
    return html.escape(str(text), quote=True)
