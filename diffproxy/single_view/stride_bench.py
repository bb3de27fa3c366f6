"""Milliseconds of each stage and errors of the joints at several detector strides, with torch or without."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.single_view.backend import Estimator, PictureT, SeenT, Tracker
from diffproxy.single_view.options import BenchFrames
from diffproxy.single_view.run import track_frame
from diffproxy.single_view.sources import Frame
from diffproxy.utils.bounded_arrays import as_numbers, read_npz
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import compare_numbers
from diffproxy.utils.timing import stage_milliseconds

NUM_BODY_JOINTS = 22


def stride_rows(
    options: BenchFrames,
    frames: Sequence[Frame],
    estimator: Estimator[SeenT, PictureT],
    tracker: Callable[[int], Tracker[SeenT, PictureT]],
    apart: bool = False,
) -> list[dict[str, Any]]:
    """One row for each stride: mean, median and 95th percentile of each stage, people, and errors where truth is known.

    Stages and `total` are wall-clock time; `total_cpu` is the processor time of all threads, which on a machine with
    other work is less.

    Args:
        options: Strides, frames before the measured ones, truth.
        frames: Of a video, or pictures.
        estimator: The networks.
        tracker: Follows the people of a video at a stride.
        apart: Frames are pictures that have nothing to do with each other, so that there is no stride but 1.
    """
    if len(frames) <= options.warmup:
        raise InputError(f"more than {options.warmup} frames", f"{len(frames)}", "write warmup=0")
    truth = _true_joints(Path(options.truth).expanduser(), [i for i, _ in frames]) if options.truth else {}
    rows = []
    for stride in [1] if apart else options.all_strides:
        followed, stages, errors, people = tracker(stride), [], [], []
        for number, (frame_id, image) in enumerate(frames):
            followed = tracker(stride) if apart else followed
            began, cpu = time.perf_counter(), time.process_time()
            picture, _ = track_frame(estimator, followed, number, image, options.focal)
            total = {"total": time.perf_counter() - began, "total_cpu": time.process_time() - cpu}
            found: list[np.ndarray] = [p.joints for p in picture.people if p.has_body]
            if number >= options.warmup:
                stages.append({**picture.seconds, **total})
                people.append(len(found))
            if frame_id in truth:
                errors.append(min((_error(j, truth[frame_id]) for j in found), default=np.nan))
        rows.append({"detector_stride": stride, **_row(stages, people, errors)})
    return rows


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

    return float(pa_mpjpe(joints[None, :NUM_BODY_JOINTS], truth[None, :NUM_BODY_JOINTS])[0])


def _true_joints(path: Path, frame_ids: Sequence[int]) -> dict[int, np.ndarray]:
    """True joints by frame number. InputError for another file, and where there are none of these frames."""
    arrays = read_npz(path, "a whole result.npz")
    if not {"frame_ids", "joints"} <= set(arrays):
        raise InputError("frame_ids and joints", f"{path} without them", "give the result.npz of a run")
    ids = as_numbers(arrays["frame_ids"], (None,), f"frame_ids in {path}").astype(int).tolist()
    joints = arrays["joints"]
    wanted = joints.ndim == 3 and joints.shape[::2] == (len(ids), 3) and joints.shape[1] >= NUM_BODY_JOINTS
    if not wanted or joints.dtype.kind != "f":
        expected = f"joints ({len(ids)}, {NUM_BODY_JOINTS} or more, 3) in {path}"
        raise InputError(expected, f"{joints.dtype} {joints.shape}", "give the result.npz of a run")
    known = {i: j for i, j in zip(ids, joints, strict=True) if np.isfinite(j).all()}
    if not known:
        raise InputError(f"a frame with a body in {path}", "none", "leave truth out")
    compare_numbers(f"the truth of {path}", known, frame_ids, "give the result of the same frames")
    return known
