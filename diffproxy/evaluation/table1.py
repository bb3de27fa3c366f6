"""The paper's Table 1: six data sets, three configurations, with the published numbers beside ours.

    python -m diffproxy.evaluation.table1 path=/data models=/models out=out/table1 [option of evaluate.py ...]

reads `path/mpi_inf_3dhp`, `path/behave` and so on, those that are there, and writes one JSON of `evaluate.py` for each
data set and configuration, and `table1.md`, `.csv` and `.tex`. JSONs that are there already, made with the same options
from the same files, are not made again. Where the generator predicts without steps (`nano`), several samples are drawn
in four, which the row's name says; `generator.steps=N` holds for all rows (0: the row of several samples is left out).
Published numbers: Table 1 of arXiv 2601.02267. Exit status 2: wrong input.
"""

from __future__ import annotations

import csv
import io
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from diffproxy.evaluation.kept_report import kept_report
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import write_atomic
from diffproxy.utils.options import HELP_WORDS, Subcommand, one_of, option

log = logging.getLogger(__name__)

METRICS = {"pa_mpjpe": "PA-MPJPE", "ra_mpjpe": "MPJPE", "pa_mpvpe": "PA-MPVPE", "ra_mpvpe": "MPVPE"}
"""Keys of `evaluate.py` and the paper's columns, whose MPJPE and MPVPE are root-aligned."""
SETTINGS = {
    "3dhp": ("mpi_inf_3dhp", ()),
    "rich": ("rich", ()),
    "behave": ("behave", ()),
    "moyo": ("moyo", ()),
    "4ddress": ("dress4d", ()),
    "4ddress-partial": ("dress4d", ("dataset.partial=0",)),
}
CONFIGURATIONS = {
    "w/o HR, TTS": ("hands=false", "samples=1"),
    "w/o TTS": ("hands=true", "samples=1"),
    "full": ("hands=true", "samples=3"),
}
STEPS = 4
"""Of a generator that usually predicts without, where several samples are asked for."""
PUBLISHED = {
    "HeatFormer": (
        (29.2, 49.9, 34.7, 53.3), (40.1, 80.1, 52.9, 93.8), (33.4, 70.2, 47.7, 80.5), (67.3, 126.9, 79.6, 123.6),
        (43.4, 73.3, 61.6, 90.2), (143.8, 291.6, 175.2, 327.0),
    ),
    "EasyMocap": (
        (34.3, 43.7, 43.2, 51.5), (31.2, 49.8, 44.2, 60.3), (21.8, 29.6, 35.1, 40.4), (31.4, 41.2, 44.8, 51.6),
        (19.9, 24.9, 31.8, 35.3), (48.2, 94.8, 69.8, 119.4),
    ),
    "DiffProxy w/o HR, TTS": (
        (33.4, 42.0, 43.4, 50.5), (25.6, 36.6, 37.5, 46.5), (23.6, 33.7, 33.7, 43.1), (29.4, 33.6, 41.8, 44.9),
        (17.6, 22.4, 30.4, 33.4), (29.6, 34.4, 49.6, 52.0),
    ),
    "DiffProxy w/o TTS": (
        (33.1, 41.4, 45.3, 51.5), (24.5, 34.6, 29.3, 36.2), (23.5, 33.5, 32.2, 40.7), (29.2, 33.0, 36.3, 39.6),
        (17.0, 20.8, 24.0, 26.2), (28.1, 32.6, 42.3, 44.4),
    ),
    "DiffProxy": (
        (32.8, 41.1, 44.7, 50.9), (24.2, 33.7, 28.9, 35.1), (22.8, 32.7, 31.3, 39.9), (28.3, 32.4, 35.2, 38.8),
        (16.6, 20.5, 23.3, 25.6), (27.6, 31.6, 41.3, 43.1),
    ),
}  # fmt: skip

Row = list[float | None]
Planned = tuple[str, list[str], Path]
"""One of SETTINGS, options of `evaluate.py`, and the JSON file of the report."""


TABLES = partial(option, text="folder for the JSONs and the tables", value="DIR", section="Output")
DATASET = partial(
    option, text="which data set, as Table 1 names it", value="|".join(SETTINGS), section="Input"
)


@dataclass
class TableOptions:
    """Options of the tables' commands; other words are options of `evaluate.py`."""

    path: str = option("", "folder with the data sets, each under its name", "DIR", "Input")
    models: str = option("", "folder with smpl/, smplh/ and smplx/", "DIR", "Input")
    out: str = TABLES("out/table1")

    def __post_init__(self) -> None:
        if not self.out.strip():
            raise InputError("out=DIR", "an empty name", "write out=out/table")


def table(options: TableOptions, more: Sequence[str] = ()) -> str:
    """Evaluate what is missing and write the tables; returns the one in Markdown.

    Raises:
        InputError: no data set is there.
    """
    out = Path(options.out).expanduser()
    planned: dict[tuple[str, str], Planned] = {}
    there = {s for s, (name, _) in SETTINGS.items() if (Path(options.path).expanduser() / name).is_dir()}
    if not there:
        names = ", ".join(dict.fromkeys(name for name, _ in SETTINGS.values()))
        raise InputError(f"one of {names} in path", f"none in {options.path or '.'}", "give path=DIR")
    titles: dict[str, str] = {}
    for configuration, words in CONFIGURATIONS.items():
        drawing = [] if "samples=1" in words else words_to_draw(more)
        titles[configuration] = ", ".join(["ours", configuration, *(w.split(".")[1] for w in drawing or [])])
        if drawing is None:
            given = next(w for w in more if w.startswith("generator.steps="))
            log.warning("ours, %s: left out, with %s no samples are drawn", configuration, given)
            continue
        for setting in (s for s in SETTINGS if s in there):
            stem = f"{setting}_{'_'.join(w.replace('=', '-') for w in words)}"
            planned[configuration, setting] = (setting, [*words, *drawing, *more], out / f"{stem}.json")
    done = dict(zip(planned, evaluated(list(planned.values()), options), strict=True))
    nothing: Row = [None] * len(METRICS)
    rows = {c: [v for s in SETTINGS for v in done.get((c, s), nothing)] for c in CONFIGURATIONS}
    lines: dict[str, Row] = {
        f"{name} (published)": [v for cells in sets for v in cells] for name, sets in PUBLISHED.items()
    }
    lines |= {titles[configuration]: row for configuration, row in rows.items()}
    return write_tables(out / "table1", lines, list(SETTINGS))


def words_to_draw(more: Sequence[str]) -> list[str] | None:
    """What lets the generator of these options draw samples; None where `generator.steps=0` says that it shall not."""
    if draws_samples(more):
        return []
    return None if any(w.startswith("generator.steps=") for w in more) else [f"generator.steps={STEPS}"]


def draws_samples(words: Sequence[str]) -> bool:
    """Whether the generator of these options of `evaluate.py` draws samples: a dense head predicts one proxy only."""
    from diffproxy.commands import evaluate_command
    from diffproxy.generator.checkpoint import CONFIG
    from diffproxy.generator.config import GeneratorConfig
    from diffproxy.generator.pipeline import generator_folder

    option = evaluate_command().compose(words).generator
    if option.steps >= 0:
        return bool(option.steps)
    return bool(GeneratorConfig.load(generator_folder(option.weights, option.download) / CONFIG).steps)


def write_tables(stem: Path, lines: dict[str, Row], settings: Sequence[str]) -> str:
    """Rows of METRICS for each of `settings` as Markdown, CSV and LaTeX beside each other; returns the Markdown."""
    texts = {"md": markdown(lines, settings), "csv": as_csv(lines, settings), "tex": latex(lines, settings)}
    for ending, text in texts.items():
        write_atomic(stem.with_suffix(f".{ending}"), text.encode())
    return texts["md"]


def dataset_words(setting: str, options: TableOptions) -> list[str]:
    """The options of `evaluate.py` that name one of SETTINGS."""
    name, special = SETTINGS[setting]
    words = [f"dataset={name}", f"dataset.path={Path(options.path).expanduser() / name}", *special]
    return words + (
        [f"dataset.models={options.models}", "dataset.allow_pickle=true"] if options.models else []
    )


def evaluated(planned: Sequence[Planned], options: TableOptions) -> list[Row]:
    """The paper's four numbers of data sets and configurations, by `evaluate.py` unless they are there already.

    All words are read before the first evaluation.
    """
    from diffproxy.commands import evaluate_command
    from diffproxy.fitting.result import FITTED

    full = [[*dataset_words(setting, options), *words] for setting, words, _ in planned]
    for words in full:
        evaluate_command().compose(words)
    rows = []
    for words, (_, _, out) in zip(full, planned, strict=True):
        summary = summary_of(words, out)
        rows.append(row_of(summary))
        if missed := sum(n for status, n in summary.get("status", {}).items() if status not in FITTED):
            log.warning(
                "%s: %d of %d subjects have no body and are in no mean", out, missed, summary["subjects"]
            )
    return rows


def summary_of(words: Sequence[str], out: Path) -> dict[str, Any]:
    """Means and medians of `evaluate.py` with these words; from its JSON `out`, if that is still true."""
    return kept_report(words, out, run_evaluate)["summary"]


def row_of(summary: dict[str, Any]) -> Row:
    """The paper's four numbers."""
    return [summary[key]["mean"] if key in summary else None for key in METRICS]


def run_evaluate(words: Sequence[str]) -> None:
    """`evaluate.py` with these words, in this process: its imports take longer than a few subjects."""
    from diffproxy.commands import evaluate_command
    from diffproxy.evaluation.evaluate import run_evaluation

    run_evaluation(evaluate_command().compose(words))


@dataclass
class DatasetTableOptions(TableOptions):
    """Of the tables of one data set."""

    dataset: str = DATASET("")

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("dataset", self.dataset, tuple(SETTINGS))

    def check_data(self) -> None:
        """InputError unless the data set is there."""
        name = SETTINGS[self.dataset][0]
        if not (Path(self.path).expanduser() / name).is_dir():
            raise InputError(f"{name} in path", f"none in {self.path or '.'}", "give path=DIR")


def cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def columns(settings: Sequence[str]) -> list[str]:
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
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["method", *columns(settings)])
    writer.writerows([name, *(cell(v) for v in values)] for name, values in lines.items())
    return text.getvalue()


def latex(lines: dict[str, Row], settings: Sequence[str]) -> str:
    head = " & ".join(rf"\multicolumn{{{len(METRICS)}}}{{c}}{{{s}}}" for s in settings)
    names = " & ".join(list(METRICS.values()) * len(settings))
    rows = [rf"{name} & {' & '.join(cell(v) for v in values)} \\" for name, values in lines.items()]
    body = [rf" & {head} \\", rf"Method & {names} \\", r"\midrule", *rows]
    return (
        "\n".join([rf"\begin{{tabular}}{{l{'c' * len(columns(settings))}}}", *body, r"\end{tabular}"]) + "\n"
    )


def run_table(words: Sequence[str], schema: type[Any], intro: str, make: Callable[..., str]) -> int:
    """The command of a table: its own options, and those of `evaluate.py` for `make`; returns the exit status."""
    names = {f.name for f in fields(schema)} | HELP_WORDS
    own = [w for w in words if w.split("=")[0] in names]
    more = [w for w in words if w not in own]

    def task(options: Any) -> None:
        from diffproxy.commands import evaluate_command

        evaluate_command().overrides(more)
        sys.stdout.write(make(options, more))

    command = Subcommand(schema, intro, task)
    return exit_status(lambda: command.run(own))


def main(words: Sequence[str] | None = None) -> int:
    return run_table(sys.argv[1:] if words is None else words, TableOptions, __doc__ or "", table)


if __name__ == "__main__":
    sys.exit(main())
