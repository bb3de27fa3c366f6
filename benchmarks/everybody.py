"""Everybody in rendered pictures: who is found, how far, in which pose, and how long it takes.

    python -m render_synth out=shards/people_test seed=4301 split=test subjects=40 views=4 full_frames=4 size=384 \\
        body_crops=false hand_crops=0 max_bystanders=7 group_fraction=0.5 close_fraction=0.2 extras=depth
    python benchmarks/everybody.py shards=shards/people_test polish=false detector=multipose
    python benchmarks/everybody.py shards=shards/people_test polish=false detector=FILE

FILE: what `python -m diffproxy.single_view train_whole_picture` writes. Options: `shards`, `out` (JSON), `every` n-th
picture, `known_focal`, and those of `python -m diffproxy.single_view image`. Who has to be found, matches and order in
depth are those of `dataset=rendered` in docs/published_datasets.md, at an IoU of the boxes of 0.3. Prints JSON;
milliseconds are processor time of one thread.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from dataclasses import fields
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffproxy.evaluation.datasets import open_dataset
from diffproxy.evaluation.protocol import Protocol, ProtocolOption
from diffproxy.evaluation.single_view_options import SingleViewEvaluationOptions
from diffproxy.evaluation.single_view_people import everybody_row, summary_of_people
from diffproxy.evaluation.single_view_pictures import grouped, pictures_of
from diffproxy.single_view.options import EstimateOptions
from diffproxy.single_view.torch_backend import open_estimator
from diffproxy.utils.io import to_json, write_atomic

MIN_IOU = 0.3
DISTANCES = (0.0, 1.2, 2.0, 4.0, np.inf)


def main(words: list[str]) -> dict[str, Any]:
    """Measure; returns what is printed."""
    torch.set_num_threads(1)
    given = dict(word.split("=", 1) for word in words)
    shards, out, every = given.pop("shards"), given.pop("out", ""), int(given.pop("every", "1"))
    known = given.pop("known_focal", "false") == "true"
    kinds = {f.name: type(f.default) for f in fields(EstimateOptions)}
    read = {k: v == "true" if kinds[k] is bool else kinds[k](v) for k, v in given.items()}
    estimator = open_estimator(EstimateOptions(**read))
    options = SingleViewEvaluationOptions(
        "rendered", shards, people="all", min_iou=MIN_IOU, known_focal=known, body=given.get("body", "anny")
    )
    protocol = Protocol(ProtocolOption(), estimator.body)
    subjects = open_dataset(options.data(), estimator.body, hidden=True)
    rows, seconds = [], []
    run = estimator.run

    def timed(*args: Any) -> Any:
        began = time.thread_time()
        result = run(*args)
        seconds.append(time.thread_time() - began)
        return result

    estimator.run = timed  # type: ignore[method-assign]
    for key, people in islice(grouped(subjects, everybody=True), None, None, every):
        for picture in pictures_of(key, people):
            rows.append(everybody_row(picture, estimator, options, protocol))
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
