"""What the commands of the paper's tables share: options, data sets, evaluations."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from diffproxy.evaluation.kept_report import kept_report
from diffproxy.evaluation.table_files import METRICS, Row
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import one_of, option
from diffproxy.utils.subcommand import HELP_WORDS, Subcommand

log = logging.getLogger(__name__)

SETTINGS = {
    "3dhp": ("mpi_inf_3dhp", ()),
    "rich": ("rich", ()),
    "behave": ("behave", ()),
    "moyo": ("moyo", ()),
    "4ddress": ("dress4d", ()),
    "4ddress-partial": ("dress4d", ("dataset.partial=0",)),
}
"""Data sets and their special cases, as Table 1 names them: `dataset=` of `evaluate.py`, and further options."""

STEPS = 4
"""Of a generator that usually predicts without, where samples are asked for."""

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
