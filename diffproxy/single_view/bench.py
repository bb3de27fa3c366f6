"""Milliseconds of each stage with torch."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffproxy.cameras.image_files import read_image
from diffproxy.single_view.estimator import SingleViewEstimator
from diffproxy.single_view.options import BenchOptions
from diffproxy.single_view.run import track_frame
from diffproxy.single_view.sources import Frame, image_files
from diffproxy.single_view.torch_backend import open_estimator, open_video
from diffproxy.single_view.tracking import Tracker
from diffproxy.utils.errors import InputError
from diffproxy.utils.image_suffixes import VIDEOS
from diffproxy.utils.timing import stage_milliseconds


def run_bench(options: BenchOptions, estimator: SingleViewEstimator | None = None) -> dict[str, Any]:
    """Milliseconds of each stage over the frames of a video or the pictures of a folder: mean, median, p95."""
    path = Path(options.path).expanduser()
    is_video = path.suffix.lower() in VIDEOS
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        estimator = estimator or open_estimator(options)
        frames: Iterable[Frame] = (
            open_video(path, options.frames)[1]
            if is_video
            else ((i, read_image(p)) for i, p in enumerate(image_files(path)))
        )
        tracker = Tracker(options.detector_stride if is_video else 1)
        rows: list[dict[str, float]] = []
        people: list[int] = []
        for k, (_, image) in enumerate(frames):
            began = time.perf_counter()
            result, _ = track_frame(estimator, tracker, k, image, options.focal)
            if k >= options.warmup:
                rows.append({**result.seconds, "total": time.perf_counter() - began})
                people.append(len(result.people))
            if not is_video:
                tracker = Tracker(1)
    finally:
        torch.set_num_threads(before)
    if not rows:
        raise InputError(f"more than {options.warmup} frames", "fewer", "give more frames, or write warmup=0")
    return {
        "frames": len(rows),
        "people_per_frame": round(float(np.mean(people)), 2),
        "detector_stride": tracker.stride,
        "threads": options.threads,
        "ms": stage_milliseconds(rows),
    }
