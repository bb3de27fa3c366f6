"""Speed and accuracy with torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from diffproxy.cameras.image_files import read_image
from diffproxy.single_view.estimator import SingleViewEstimator
from diffproxy.single_view.options import BenchOptions
from diffproxy.single_view.sources import Frame, image_files
from diffproxy.single_view.stride_bench import stride_rows
from diffproxy.single_view.torch_backend import open_estimator, open_video
from diffproxy.single_view.tracking import Tracker
from diffproxy.utils.image_suffixes import VIDEOS
from diffproxy.utils.options import refuse_unread


def run_bench(options: BenchOptions, estimator: SingleViewEstimator | None = None) -> dict[str, Any]:
    """A row of `stride_rows` for each stride over a video; over pictures, which have none, one row."""
    path = Path(options.path).expanduser()
    is_video = path.suffix.lower() in VIDEOS
    if not is_video:
        refuse_unread(options, ("frames", "strides"), "a video")
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        frames: list[Frame] = (
            list(open_video(path, options.frames)[1])
            if is_video
            else [(i, read_image(p)) for i, p in enumerate(image_files(path))]
        )
        rows = stride_rows(options, frames, estimator or open_estimator(options), Tracker, apart=not is_video)
    finally:
        torch.set_num_threads(before)
    return {
        "path": path.name,
        "frames": len(frames) - options.warmup,
        "size": list(frames[0][1].shape[1::-1]),
        "threads": options.threads,
        "detector": options.detector,
        "detector_side": options.detector_side,
        "polish": options.polish,
        "flip": options.flip,
        "strides": rows,
    }
