"""The paper's Table 2: every module of the network left out, and inference without given cameras.

    python -m diffproxy.evaluation.table2 path=/data models=/models variants=runs/ablation predictions=vggt

One row for each trained network `variants/VARIANT/model` (benchmarks/ablation.py trains them) and, with `full` or the
`generator=` that follows, rows with predicted cameras (`predictions`: a folder with one npz for each subject) and
without any. `predictions=simulated` makes files with errors of a fixed size from the true cameras, to rehearse the
command. Options of evaluate.py may follow. Tables: table2.md, .csv, .tex in `out`. Exit status 2: wrong input.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diffproxy.evaluation.table_files import Row, write_tables
from diffproxy.evaluation.tables import (
    DATASET,
    TABLES,
    DatasetTableOptions,
    Planned,
    dataset_words,
    evaluated,
    run_table,
)
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import option

VARIANTS = {
    "w/o DINOv2": "no_image",
    "w/o T2I-Adapter": "no_adapter",
    "w/o A_text": "no_text",
    "w/o A_epi": "no_epipolar",
    "w/o A_cm": "no_cross_modality",
}
"""Rows of the table and the variants of benchmarks/ablation.py. Of `nano` the image encoder stays in the dense head."""
PUBLISHED: dict[str, Row] = {
    "w/o DINOv2": [37.3, 44.3, 53.7, 60.2],
    "w/o T2I-Adapter": [28.5, 41.5, 36.7, 48.4],
    "w/o A_text": [26.5, 35.2, 35.3, 43.3],
    "w/o A_epi": [25.7, 33.7, 35.0, 41.9],
    "w/o A_cm": [26.3, 33.8, 35.4, 41.9],
    "w/o GT camera": [25.9, None, 37.3, None],  # two numbers; without a common world they are the PA errors
    "DiffProxy": [22.8, 32.7, 31.3, 39.9],
}
SIMULATED = "simulated"


@dataclass
class Table2Options(DatasetTableOptions):
    dataset: str = DATASET("behave")
    variants: str = option("", "folder with VARIANT/model of benchmarks/ablation.py", "DIR", "Input")
    predictions: str = option("", "cameras of each subject, or simulated ones", "DIR|simulated", "Input")
    out: str = TABLES("out/table2")


def table(options: Table2Options, more: Sequence[str] = ()) -> str:
    """Evaluate what is missing and write the tables; returns the one in Markdown.

    Raises:
        InputError: the data set or a network of `variants` is not there.
    """
    options.check_data()
    out = Path(options.out).expanduser()
    networks = {"full": "", **{name: "" for name in VARIANTS}}
    if options.variants:
        networks = {"full": network(options, "full")}
        networks |= {name: network(options, variant) for name, variant in VARIANTS.items()}
    full = [f"generator={networks['full']}"] if networks["full"] else []
    configurations = {n: [f"generator={networks[n]}"] for n in VARIANTS if networks[n]}
    if options.predictions:
        folder, label = options.predictions, "predicted cameras"
        if folder == SIMULATED:
            folder, label = str(out / "predictions"), "predicted cameras (simulated)"
            simulate(options, Path(folder), more)
        configurations[label] = [*full, "cameras=predicted", f"predictions={folder}"]
    configurations |= {"no camera poses": [*full, "cameras=none"], "full": full}
    lines: dict[str, Row] = {f"{name} (published)": row for name, row in PUBLISHED.items()}
    planned: list[Planned] = []
    for number, (name, words) in enumerate(configurations.items()):
        path = out / f"{options.dataset}_{number}_{name.replace(' ', '_').replace('/', '')}.json"
        planned.append((options.dataset, [*words, *more], path))
    for name, row in zip(configurations, evaluated(planned, options), strict=True):
        lines[f"ours, {name}"] = row
    return write_tables(out / "table2", lines, [options.dataset])


def network(options: Table2Options, variant: str) -> str:
    """The trained network of one variant. InputError if it is not there."""
    folder = Path(options.variants).expanduser() / variant / "model"
    if not folder.is_dir():
        raise InputError(
            f"a network in {folder}", "no such folder", "train it: python benchmarks/ablation.py"
        )
    return str(folder)


def simulate(options: Table2Options, folder: Path, more: Sequence[str]) -> None:
    """Predictions with errors of a fixed size, from the data set's own cameras."""
    from diffproxy.commands import evaluate_command
    from diffproxy.evaluation.simulated_predictions import write_predictions
    from diffproxy.pipeline.inputs import open_body

    evaluation = evaluate_command().compose([*dataset_words(options.dataset, options), *more])
    write_predictions(evaluation, open_body(evaluation.body), folder)


def main(words: Sequence[str] | None = None) -> int:
    return run_table(sys.argv[1:] if words is None else words, Table2Options, __doc__ or "", table)


if __name__ == "__main__":
    sys.exit(main())
