"""Errors against the number of samples or of views, as in the paper's Figs. 7 and 8: a table and a plot.

    python -m diffproxy.evaluation.sweep samples=1,2,3,5 generator.steps=4 shards=shards/test out=out/samples
    python -m diffproxy.evaluation.sweep views=1,2,3,4 shards=shards/test limit=50 out=out/views

runs `evaluate.py` once for each number; other words are its options. `out` gets the JSON of each, `sweep.csv` and
`sweep.svg`. JSONs that are there already, made with the same options from the same files, are not made again. Exit
status 2: wrong input.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diffproxy.evaluation.table_files import METRICS, cell
from diffproxy.evaluation.tables import TABLES, row_of, run_table, summary_of
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from diffproxy.utils.options import option
from diffproxy.visualization.plots import LinePlot, line_plot_file


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
    """Evaluate what is missing, write table and plot; returns the table as CSV.

    Raises:
        InputError: the data have fewer views than the sweep.
    """
    out = Path(options.out).expanduser()
    numbers = sorted({int(word) for word in options.words})
    rows = []
    for n in numbers:
        summary = summary_of([f"{options.name}={n}", *more], out / f"{options.name}-{n}.json")
        if options.name == "views" and (most := summary.get("views", {}).get("mean", n)) < n:
            raise InputError(
                f"data with {n} views of every subject", f"{most:g} on average", "sweep fewer views"
            )
        rows.append(row_of(summary))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([options.name, *METRICS.values()])
    writer.writerows([n, *(cell(v) for v in row)] for n, row in zip(numbers, rows, strict=True))
    lines = dict(zip(METRICS.values(), (list(column) for column in zip(*rows, strict=True)), strict=True))
    write_atomic(out / "sweep.csv", text.getvalue().encode())
    plot = LinePlot("Errors, mm", numbers, lines, options.name, marked=True)
    write_atomic(out / "sweep.svg", line_plot_file(plot).encode())
    return text.getvalue()


def main(words: Sequence[str] | None = None) -> int:
    return run_table(sys.argv[1:] if words is None else words, SweepOptions, __doc__ or "", sweep)


if __name__ == "__main__":
    sys.exit(main())
