"""Generators on the same held-out subjects: means, and differences with paired standard errors. JSON and a table out.

    python benchmarks/generator_compare.py generators=nano,DIR shards=shards/test limit=100 generator.steps=0
    python benchmarks/generator_compare.py results=a.json,b.json                 of evaluations that are there already

Any further option of evaluate.py is passed on. The first generator is the one that the others are compared with. Each
evaluation is kept as OUT/<name>.json (out=out/generators) and used again when options, weights and data are the same.

Difference: mean over the subjects that have the number in both of (other - first), its standard error s / sqrt(n) over
these subjects, and for how many subjects the other is better.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from diffproxy.evaluation.kept_report import kept_report

ROOT = Path(__file__).resolve().parents[1]
BIGGER_IS_BETTER = ("part_accuracy", "foreground_iou")
KEYS = (
    *(
        "part_accuracy",
        "foreground_iou",
        "surface_median_mm",
        "mpjpe",
        "pa_mpjpe",
        "mpvpe",
        "pa_mpvpe",
        "hand_mpjpe",
    ),
    *("mpjpe_observed", "mpjpe_unobserved"),
)


def compare(first: list[dict[str, Any]], other: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each number: both means over the common subjects, difference, its paired standard error, share better."""
    theirs = {row["key"]: row for row in other}
    out = {}
    for key in KEYS:
        pairs = [(r[key], theirs[r["key"]][key]) for r in first
                 if r.get(key) is not None and theirs.get(r["key"], {}).get(key) is not None]  # fmt: skip
        if pairs:
            a, b = np.array(pairs, dtype=np.float64).T
            better = b > a if key in BIGGER_IS_BETTER else b < a
            error = float((b - a).std(ddof=1) / np.sqrt(len(a))) if len(a) > 1 else float("nan")
            out[key] = {"subjects": len(a), "first": float(a.mean()), "other": float(b.mean()),
                        "difference": float((b - a).mean()), "standard_error": error,
                        "better": float(better.mean())}  # fmt: skip
    return out


def evaluation(generator: str, given: dict[str, str], folder: Path) -> Path:
    """The JSON of `evaluate.py` for one generator; an older one, made with the same words and files, is used again."""
    path = folder / (re.sub(r"[^A-Za-z0-9]+", "_", generator).strip("_") + ".json")
    kept_report([f"generator={generator}", *(f"{k}={v}" for k, v in given.items())], path, in_a_process)
    return path


def in_a_process(words: list[str]) -> None:
    """`evaluate.py` with these words."""
    subprocess.run([sys.executable, str(ROOT / "evaluate.py"), *words], check=True, stdout=sys.stderr)


def show(name: str, rows: dict[str, dict[str, float]], first: str) -> Table:
    table = Table(
        "", first, name, "difference", "± paired s.e.", "better", "subjects", title=f"{name} against {first}"
    )
    for key, r in rows.items():
        digits = 3 if key in BIGGER_IS_BETTER else 1
        numbers = [f"{r[k]:.{digits}f}" for k in ("first", "other", "difference", "standard_error")]
        table.add_row(key, *numbers, f"{r['better']:.0%}", str(r["subjects"]))
    return table


def main(words: list[str]) -> dict[str, Any]:
    given = dict(w.split("=", 1) for w in words)
    folder = Path(given.pop("out", "out/generators"))
    folder.mkdir(parents=True, exist_ok=True)
    if "results" in given:
        paths = [Path(p) for p in given.pop("results").split(",")]
        names = [p.stem for p in paths]
    else:
        names = given.pop("generators", "nano").split(",")
        paths = [evaluation(g, given, folder) for g in names]
    rows = [json.loads(p.read_text())["subjects"] for p in paths]
    found = {name: compare(rows[0], r) for name, r in zip(names[1:], rows[1:], strict=True)}
    for name, result in found.items():
        Console(stderr=True, width=120).print(show(name, result, names[0]))
    report = {"first": names[0], "options": given, "against_first": found}
    (folder / "compare.json").write_text(json.dumps(report, indent=1))
    return report


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
