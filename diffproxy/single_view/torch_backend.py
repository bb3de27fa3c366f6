"""From files to files with torch: the generator, the fitter, meshes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy import __version__
from diffproxy.body import load_body
from diffproxy.cameras.image_files import read_checked
from diffproxy.cameras.image_sources import Video
from diffproxy.fitting import FitConfig
from diffproxy.fitting.config import NETWORK_STD
from diffproxy.pipeline.generate_proxies import GenerateConfig
from diffproxy.single_view.backend import Backend
from diffproxy.single_view.coarse_body import CoarseBodies
from diffproxy.single_view.estimator import ROTATION_GAIN, FittedPicture, Seen, SingleViewEstimator
from diffproxy.single_view.options import EstimateOptions, ImageOptions
from diffproxy.single_view.outputs import FittedPictureFolder
from diffproxy.single_view.sources import Frame, frame_rate, note_damage, video_frames
from diffproxy.single_view.tracking import Tracker
from diffproxy.single_view.whole_picture.reader import PictureReader
from diffproxy.single_view.whole_picture.weights import load_whole_picture
from diffproxy.utils.frame_ranges import select_frames

log = logging.getLogger(__name__)


class TorchBackend(Backend[Seen, FittedPicture]):
    """That of `python -m diffproxy.single_view`.

    Args:
        options: What to estimate with, and what to write.
        estimator: Replaces the one that the options name.
    """

    def __init__(self, options: ImageOptions, estimator: SingleViewEstimator | None = None):
        self.options = options
        if estimator is not None:
            self.estimator = estimator

    @cached_property
    def estimator(self) -> SingleViewEstimator:
        return open_estimator(self.options)

    def read_picture(self, path: Path, notes: list[str]) -> np.ndarray:
        image, damage = read_checked(path)
        note_damage(notes, path, 0, damage)
        return image

    def open_video(self, path: Path, frames: str, notes: list[str]) -> tuple[float, Iterator[Frame]]:
        return open_video(path, frames, notes)

    def tracker(self, stride: int) -> Tracker:
        return Tracker(stride)

    def folder(self, name: str, source: Path | None, fps: float | None = None) -> FittedPictureFolder:
        options = self.options
        used = {"body": {"path": options.body}} | ({} if fps is None else {"fps": fps})
        meta = {"generator": options.generator, "version": __version__}
        out = Path(options.out).expanduser() / name
        return FittedPictureFolder(
            out, source, used, self.estimator.body, options.overlay, options.mesh, meta
        )


def open_estimator(
    options: EstimateOptions, pipe: Any | None = None, detector: Any | None = None
) -> SingleViewEstimator:
    """The networks and the body of the options; `pipe` and `detector` replace those that they name."""
    from diffproxy.detector.person_detector import PersonDetector
    from diffproxy.generator import DiffProxyPipeline

    body, reader = load_body(options.body), None
    if options.detector == "multipose":
        detector = detector or PersonDetector.packaged(options.detector_side)
    else:
        reader = PictureReader(load_whole_picture(options.detector, body), body, options.detector_side)
    alone = reader is not None and not options.polish  # nothing else has a say
    if not alone and pipe is None:
        pipe = DiffProxyPipeline.from_pretrained(options.generator, denoiser=options.steps > 0)
    generate = GenerateConfig(
        size=256 if pipe is None else int(pipe.network.config.image_size), steps=options.steps, hands=False,
        tta_flip=options.flip, tta_rotation=True, rotation_gain=ROTATION_GAIN,
    )  # fmt: skip
    config = FitConfig(**NETWORK_STD, hands=False, max_pixels=options.max_pixels)
    network = options.start == "network" or not options.polish
    coarse = CoarseBodies(body) if network and not alone else None
    return SingleViewEstimator(
        body, pipe, detector, generate, config, options.min_score, coarse, options.polish, reader
    )


def open_video(path: Path, frames: str, notes: list[str] | None = None) -> tuple[float, Iterator[Frame]]:
    """Frames per second, and the chosen frames of a video; InputError at once where it cannot be opened."""
    video, notes = Video(path), [] if notes is None else notes
    return frame_rate(video.fps), video_frames(video.reader, select_frames(frames, video.frame_ids), notes)
