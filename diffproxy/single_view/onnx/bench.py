"""Speed and accuracy with onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffproxy.single_view.onnx.backend import open_estimator
from diffproxy.single_view.onnx.options import BenchOptions
from diffproxy.single_view.onnx.pictures import open_video
from diffproxy.single_view.onnx.tracking import Tracker
from diffproxy.single_view.stride_bench import stride_rows


def run_bench(options: BenchOptions) -> dict[str, Any]:
    """A row of `stride_rows` for each stride over a video."""
    path = Path(options.path).expanduser()
    estimator = open_estimator(options)
    frames = list(open_video(path, options.frames)[1])
    rows = stride_rows(options, frames, estimator, Tracker)
    return {
        "path": path.name,
        "frames": len(frames) - options.warmup,
        "size": list(frames[0][1].shape[1::-1]),
        "threads": options.threads,
        "detector": options.detector,
        "detector_side": options.detector_side,
        "crop_side": options.crop_side,
        "flip": options.flip,
        "strides": rows,
    }
