"""Calibration of stated deviations: coverage within one and two, for observed and unobserved joints. JSON out.

    python benchmarks/coverage.py shards=shards/test limit=100 out=out/coverage.json [any option of evaluate.py]
    python benchmarks/coverage.py shards=shards/test limit=50 dataset.cut=0      images that end within the body
    python benchmarks/coverage.py result=out/evaluate.json                       of an evaluation that is there already

Convention: the error of a joint is its distance to the truth in space, the stated deviation is `joint_std` (root of the
trace of the 3 x 3 covariance of its position), and a joint is covered when error <= k * joint_std. A normal error along
one axis is covered in 68.3 % (k = 1) and 95.4 % (k = 2) of the cases, an isotropic one in 60.8 % and 99.3 %;
real errors lie between. Counted are the 22 body joints of all subjects with a body. Seen are joints whose surroundings
the true labels of the images show (`diffproxy.evaluation.observed_joints`).

Per kind of joint: number, mean error, median stated deviation, coverage, `factor` (the factor on the stated deviations
that would bring the coverage at k = 1 to 68.3 %) and, at the end, coverage of each joint by name.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.body.names import JOINT_NAMES
from diffproxy.evaluation.observed_joints import coverage
from diffproxy.utils.io import to_json, write_atomic

ROOT = Path(__file__).resolve().parents[1]
ONE = 0.683


def tables(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`coverage` of the subjects of an evaluation, with the factors and the table of joints."""
    out = coverage(rows)
    known = [r for r in rows if "joint_error_mm" in r]
    if not known:
        return out
    error, seen = (np.array([r[k] for r in known]) for k in ("joint_error_mm", "joint_observed"))
    std = np.array([[np.inf if s is None else s for s in r["joint_std_mm"]] for r in known])
    for name, chosen in (("observed", seen), ("unobserved", ~seen)):
        if chosen.any():
            out[name]["factor"] = round(float(np.quantile(error[chosen] / std[chosen], ONE)), 3)
    out["subjects"] = {"all": len(rows), "with a body": len(known)}
    named = zip(JOINT_NAMES, error.T, std.T, seen.T, strict=False)  # names of hands and face are left over
    out["joints"] = {name: _joint(e, s, o) for name, e, s, o in named}
    return out


def _joint(error: np.ndarray, std: np.ndarray, seen: np.ndarray) -> dict[str, dict[str, float]]:
    """One joint of all subjects, seen and unseen."""
    out = {}
    for kind, chosen in (("observed", seen), ("unobserved", ~seen)):
        if chosen.any():
            e, s = error[chosen], std[chosen]
            covered = round(float((e <= s).mean()), 3)
            out[kind] = {"joints": len(e), "mm": round(float(e.mean()), 1), "within_1_std": covered}
    return out


def evaluate(given: dict[str, str]) -> Path:
    """Run `evaluate.py` and return its JSON."""
    words = [f"{k}={v}" for k, v in given.items()]
    subprocess.run([sys.executable, str(ROOT / "evaluate.py"), *words], check=True, stdout=sys.stderr)
    return Path(given["out"])


def main(words: list[str]) -> dict[str, Any]:
    given = dict(w.split("=", 1) for w in words)
    out = Path(given.pop("out", "out/coverage.json"))
    done = Path(given.pop("result")) if "result" in given else None
    path = done or evaluate(given | {"out": str(out.with_name(f"{out.stem}_evaluate.json"))})
    report = json.loads(path.read_text())
    found = {"options": report["options"], **tables(report["subjects"])}
    write_atomic(out, to_json(found))
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
