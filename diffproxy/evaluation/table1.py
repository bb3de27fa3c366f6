"""The paper's Table 1: six data sets, three configurations, with the published numbers beside ours.

    python -m diffproxy.evaluation.table1 path=/data models=/models out=out/table1 [option of evaluate.py ...]

reads `path/mpi_inf_3dhp`, `path/behave` and so on, those that are there, and writes one JSON of `evaluate.py` for each
data set and configuration, and `table1.md`, `.csv` and `.tex`. JSONs that are there already, made with the same options
from the same files, are not made again. Where the generator predicts without steps (`nano`), several samples are drawn
in four, which the row's name says; `generator.steps=N` holds for all rows (0: the row of several samples is left out).
Published numbers: Table 1 of arXiv 2601.02267. Exit status 2: wrong input.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from diffproxy.evaluation.table_files import METRICS, Row, write_tables
from diffproxy.evaluation.tables import SETTINGS, STEPS, Planned, TableOptions, evaluated, run_table
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)

CONFIGURATIONS = {
    "w/o HR, TTS": ("hands=false", "samples=1"),
    "w/o TTS": ("hands=true", "samples=1"),
    "full": ("hands=true", "samples=3"),
}
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


def main(words: Sequence[str] | None = None) -> int:
    return run_table(sys.argv[1:] if words is None else words, TableOptions, __doc__ or "", table)


if __name__ == "__main__":
    sys.exit(main())
