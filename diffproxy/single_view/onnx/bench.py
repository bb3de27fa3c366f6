"""Milliseconds of each stage and errors of the joints at several detector strides."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.single_view.onnx.backend import open_estimator
from diffproxy.single_view.onnx.options import BenchOptions
from diffproxy.single_view.onnx.pictures import open_video
from diffproxy.single_view.onnx.tracking import Tracker
from diffproxy.single_view.run import track_frame
from diffproxy.utils.bounded_arrays import read_npz
from diffproxy.utils.errors import InputError
from diffproxy.utils.timing import stage_milliseconds

BODY_JOINTS = 22


def run_bench(options: BenchOptions) -> dict[str, Any]:
    """One row for each stride: mean, median and 95th percentile of each stage, people, and errors where truth is known.

    Stages and `total` are wall-clock time; `total_cpu` is the processor time of all threads, which on a machine with
    other work is less.
    """
    path = Path(options.path).expanduser()
    truth = _true_joints(Path(options.truth).expanduser()) if options.truth else {}
    estimator = open_estimator(options)
    frames = list(open_video(path, options.frames)[1])
    if len(frames) <= options.warmup:
        raise InputError(f"more than {options.warmup} frames", f"{len(frames)}", "write warmup=0")
    rows = []
    for stride in options.all_strides:
        tracker, stages, errors, people = Tracker(stride), [], [], []
        for number, (frame_id, image) in enumerate(frames):
            began, cpu = time.perf_counter(), time.process_time()
            picture, _ = track_frame(estimator, tracker, number, image, options.focal)
            total = {"total": time.perf_counter() - began, "total_cpu": time.process_time() - cpu}
            if number >= options.warmup:
                stages.append({**picture.seconds, **total})
                people.append(sum(p.has_body for p in picture.people))
            if frame_id in truth:
                found = [p.joints for p in picture.people if p.has_body]
                errors.append(min((_error(j, truth[frame_id]) for j in found), default=np.nan))
        rows.append({"detector_stride": stride, **_row(stages, people, errors)})
    return {
        "video": path.name,
        "frames": len(frames) - options.warmup,
        "size": list(frames[0][1].shape[1::-1]),
        "threads": options.threads,
        "detector": options.detector,
        "detector_side": options.detector_side,
        "crop_side": options.crop_side,
        "flip": options.flip,
        "strides": rows,
    }


def _row(stages: list[dict[str, float]], people: list[int], errors: list[float]) -> dict[str, Any]:
    ms = stage_milliseconds(stages)
    row: dict[str, Any] = {
        "ms": ms,
        "fps": round(1000 / ms["total"]["mean"], 1),
        "fps_cpu": round(1000 / ms["total_cpu"]["mean"], 1),
        "people_per_frame": round(float(np.mean(people)), 2),
    }
    if errors:
        known = np.array(errors)[np.isfinite(errors)]
        row["pa_mpjpe_mm"] = round(float(known.mean()), 1) if len(known) else None
        row["frames_without_body"] = int(np.isnan(errors).sum())
    return row


def _error(joints: np.ndarray, truth: np.ndarray) -> float:
    """PA-MPJPE of the body joints, mm."""
    from diffproxy.metrics import pa_mpjpe

    return float(pa_mpjpe(joints[:BODY_JOINTS], truth[:BODY_JOINTS]))


def _true_joints(path: Path) -> dict[int, np.ndarray]:
    arrays = read_npz(path, "a whole result.npz")
    if not {"frame_ids", "joints"} <= set(arrays):
        raise InputError("frame_ids and joints", f"{path} without them", "give the result.npz of a run")
    return {
        int(i): j for i, j in zip(arrays["frame_ids"], arrays["joints"], strict=True) if np.isfinite(j).all()
    }
