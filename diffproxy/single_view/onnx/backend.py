"""From files to files by numpy, OpenCV and onnxruntime alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from diffproxy.single_view.backend import Backend
from diffproxy.single_view.onnx.estimator import Estimator
from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.onnx.options import EstimateOptions, ImageOptions
from diffproxy.single_view.onnx.outputs import PosedPictureFolder
from diffproxy.single_view.onnx.pictures import open_video, read_picture
from diffproxy.single_view.onnx.results import PosedPicture, Seen
from diffproxy.single_view.onnx.tracking import Tracker
from diffproxy.single_view.onnx.whole_picture import PictureReader
from diffproxy.single_view.sources import Frame


class OnnxBackend(Backend[Seen, PosedPicture]):
    """That of `python -m diffproxy.single_view.onnx`."""

    def __init__(self, options: ImageOptions):
        self.options = options

    @cached_property
    def estimator(self) -> Estimator:
        return open_estimator(self.options)

    def read_picture(self, path: Path, notes: list[str]) -> np.ndarray:
        return read_picture(path, notes)

    def open_video(self, path: Path, frames: str, notes: list[str]) -> tuple[float, Iterator[Frame]]:
        return open_video(path, frames, notes)

    def tracker(self, stride: int) -> Tracker:
        return Tracker(stride)

    def folder(self, name: str, source: Path | None, fps: float | None = None) -> PosedPictureFolder:
        out = Path(self.options.out).expanduser() / name
        models = self.estimator.models
        used = {"body": {"path": models.manifest["body"]["path"]}} | ({} if fps is None else {"fps": fps})
        return PosedPictureFolder(out, source, used, models, self.options.overlay)


def open_estimator(options: EstimateOptions) -> Estimator:
    """The exported models of the options."""
    models = Models(Path(options.models).expanduser(), options.threads)
    whole = options.detector == "whole_picture"
    reader = PictureReader(models, options.detector_side) if whole else None
    return Estimator(
        models, options.detector_side, options.crop_side, options.flip, options.min_score, reader
    )
