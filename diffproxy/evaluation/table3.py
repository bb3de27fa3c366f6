"""The paper's Table 3: a discriminative network in the place of the diffusion model, with the same fitter.

    python -m diffproxy.evaluation.table3 path=/data models=/models out=out/table3

The paper takes DensePose. Here the baseline is the generator's dense regression head (`generator=dense_head`): labels
and UV from the same image features in one pass, without diffusion. The other rows draw samples by the UNet, one and
`samples=3`. Of `nano` the UNet starts from the head's estimate, so its rows are no independent network; docs/paper.md
says what that means. Options of evaluate.py may follow. Tables: table3.md, .csv, .tex in `out`. Exit status 2: wrong
input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diffproxy.evaluation.table_files import Row, write_tables
from diffproxy.evaluation.tables import (
    DATASET,
    STEPS,
    TABLES,
    DatasetTableOptions,
    Planned,
    evaluated,
    run_table,
)
from diffproxy.utils.options import option

PUBLISHED: dict[str, Row] = {
    "DensePose": [67.6, 101.1, 90.4, 127.8],
    "DP-FT (60ep)": [66.5, 88.8, 84.5, 111.4],
    "DiffProxy": [28.3, 32.4, 35.2, 38.8],
}
CONFIGURATIONS = {
    "dense regression head": ["generator=dense_head", "samples=1"],
    "diffusion, one sample": [f"generator.steps={STEPS}", "samples=1"],
    "diffusion, three samples": [f"generator.steps={STEPS}", "samples=3"],
}


@dataclass
class Table3Options(DatasetTableOptions):
    dataset: str = DATASET("moyo")
    weights: str = option("nano", "the generator", "nano|DIR|ID", "Models")
    out: str = TABLES("out/table3")


def table(options: Table3Options, more: Sequence[str] = ()) -> str:
    """Evaluate what is missing and write the tables; returns the one in Markdown.

    Raises:
        InputError: the data set is not there.
    """
    options.check_data()
    out = Path(options.out).expanduser()
    lines: dict[str, Row] = {f"{name} (published)": row for name, row in PUBLISHED.items()}
    planned: list[Planned] = []
    for name, words in CONFIGURATIONS.items():
        path = out / f"{options.dataset}_{name.replace(', ', '_').replace(' ', '_')}.json"
        planned.append((options.dataset, [*words, f"generator.weights={options.weights}", *more], path))
    for name, row in zip(CONFIGURATIONS, evaluated(planned, options), strict=True):
        lines[f"ours, {name}"] = row
    return write_tables(out / "table3", lines, [options.dataset])


def main(words: Sequence[str] | None = None) -> int:
    return run_table(sys.argv[1:] if words is None else words, Table3Options, __doc__ or "", table)


if __name__ == "__main__":
    sys.exit(main())
