"""Everybody in rendered pictures: who is found, how far, in which pose, and how long it takes.

    python -m render_synth out=shards/people_test seed=4301 split=test subjects=40 views=4 full_frames=4 size=384 \\
        body_crops=false hand_crops=0 max_bystanders=7 group_fraction=0.5 close_fraction=0.2 extras=depth
    python benchmarks/everybody.py shards=shards/people_test polish=false detector=multipose
    python benchmarks/everybody.py shards=shards/people_test polish=false detector=FILE

FILE: what `python -m diffproxy.single_view train_whole_picture` writes. Options: `shards`, `out` (JSON), `every` n-th
picture, `known_focal`, and those of `python -m diffproxy.single_view image`. People have to be found of whom 30 % and
more is seen, with at least four of 22 joints in the picture. Matches and order in depth are those of
docs/published_datasets.md, at an IoU of the boxes of 0.3. Prints JSON; milliseconds are processor time of one thread.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffproxy.cameras import Camera
from diffproxy.datasets.shards import FULL, ShardIndex
from diffproxy.evaluation.datasets.rendered import posed_people
from diffproxy.evaluation.protocol import Protocol, ProtocolOption
from diffproxy.evaluation.single_view_options import SingleViewEvaluationOptions
from diffproxy.evaluation.single_view_people import everybody_row, summary_of_people
from diffproxy.evaluation.single_view_pictures import PictureTruth
from diffproxy.single_view.estimator import SingleViewEstimator
from diffproxy.single_view.options import EstimateOptions
from diffproxy.single_view.torch_backend import open_estimator
from diffproxy.utils.io import to_json, write_atomic

LEAST_VISIBLE, LEAST_IN_FRAME = 0.3, 4 / 22
MIN_IOU = 0.3
DISTANCES = (0.0, 1.2, 2.0, 4.0, np.inf)


def truth(index: ShardIndex, sample: int, view: int, estimator: SingleViewEstimator) -> PictureTruth:
    """A picture and everybody in it."""
    shown = index.view(sample, view)
    camera = shown.camera
    true = tuple(t.seen_by(camera) for t in posed_people(index, estimator.body, sample))
    said = shown.info["people"]
    counted = tuple(x["visible"] >= LEAST_VISIBLE and x["in_frame"] >= LEAST_IN_FRAME for x in said)
    own = Camera("own", camera.width, camera.height, camera.K, np.eye(3), np.zeros(3))
    return PictureTruth(f"{index.key(sample)}/{view}", shown.rgb, own, true, counted)


def main(words: list[str]) -> dict[str, Any]:
    """Measure; returns what is printed."""
    torch.set_num_threads(1)
    given = dict(word.split("=", 1) for word in words)
    index = ShardIndex(given.pop("shards"))
    out, every = given.pop("out", ""), int(given.pop("every", "1"))
    known = given.pop("known_focal", "false") == "true"
    kinds = {f.name: type(f.default) for f in fields(EstimateOptions)}
    read = {k: v == "true" if kinds[k] is bool else kinds[k](v) for k, v in given.items()}
    estimator = open_estimator(EstimateOptions(**read))
    options = SingleViewEvaluationOptions(people="all", min_iou=MIN_IOU, known_focal=known)
    protocol = Protocol(ProtocolOption(), estimator.body)
    numbers = [(s, v) for s in range(len(index)) for v, k in enumerate(index.kinds(s)) if k == FULL][::every]
    rows, seconds = [], []
    run = estimator.run

    def timed(*args: Any) -> Any:
        began = time.thread_time()
        result = run(*args)
        seconds.append(time.thread_time() - began)
        return result

    estimator.run = timed  # type: ignore[method-assign]
    for sample, view in numbers:
        rows.append(everybody_row(truth(index, sample, view, estimator), estimator, options, protocol))
    report = {"options": {**given, "known_focal": known}, "all": summary(rows), "ms": milliseconds(seconds)}
    for low, high in pairwise(DISTANCES):
        near = [{**r, "people": [p for p in r["people"] if low <= p["true_depth_m"] < high]} for r in rows]
        report[f"{low:g}-{high:g} m"] = errors([p for r in near for p in r["people"]])
    if out:
        write_atomic(Path(out), to_json({**report, "pictures": rows}))
    return report


def milliseconds(seconds: list[float]) -> dict[str, float]:
    ms = 1000 * np.array(seconds[1:] or seconds)
    return {"mean": round(float(ms.mean()), 1), "median": round(float(np.median(ms)), 1)}


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    counted = summary_of_people(rows)
    of_people = errors([p for r in rows for p in r["people"]])
    return {k: round(v, 3) for k, v in counted.items()} | of_people


def errors(people: list[dict[str, float]]) -> dict[str, float]:
    """Means over found people: millimetres; Tz in per cent of the true depth, with its sign, and its median."""
    if not people:
        return {"found": 0}
    values: dict[str, list[float]] = defaultdict(list)
    for p in people:
        off = 100 * (p["depth_m"] / p["true_depth_m"] - 1)
        values["tz_percent"].append(abs(off))
        values["tz_signed_percent"].append(off)
        for name in ("pa_mpjpe", "ra_mpjpe", "ra_mpvpe"):
            values[name].append(p[name])
    means = {k: round(float(np.mean(v)), 1) for k, v in values.items()}
    medians = {f"{k}_median": round(float(np.median(values[k])), 1) for k in ("tz_percent", "pa_mpjpe")}
    return {"found": len(people), **means, **medians}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
