"""The commands as functions: pictures, videos and cameras to folders of results."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy import __version__
from diffproxy.body import load_body
from diffproxy.cameras.image_files import read_image
from diffproxy.fitting import FitConfig
from diffproxy.fitting.config import NETWORK_STD
from diffproxy.pipeline.generate_proxies import GenerateConfig
from diffproxy.single_view.coarse_body import CoarseBodies
from diffproxy.single_view.estimator import ROTATION_GAIN, PictureResult, SingleViewEstimator
from diffproxy.single_view.focal_length import FocalPrior, focal_prior
from diffproxy.single_view.options import (
    BenchOptions,
    CameraOptions,
    EstimateOptions,
    ImageOptions,
    VideoOptions,
)
from diffproxy.single_view.outputs import PictureFolder
from diffproxy.single_view.sources import Frame, camera_frames, frame_rate, image_files, video_frames
from diffproxy.single_view.tracking import Tracker
from diffproxy.utils.errors import InputError
from diffproxy.utils.image_suffixes import VIDEOS
from diffproxy.utils.timing import Stopwatch

log = logging.getLogger(__name__)


def open_estimator(
    options: EstimateOptions, pipe: Any | None = None, detector: Any | None = None
) -> SingleViewEstimator:
    """The networks and the body of the options; `pipe` and `detector` replace those that they name."""
    from diffproxy.detector.person_detector import PersonDetector
    from diffproxy.generator import DiffProxyPipeline

    body = load_body(options.body)
    pipe = pipe or DiffProxyPipeline.from_pretrained(options.generator, denoiser=options.steps > 0)
    detector = detector or PersonDetector.packaged(options.detector_side)
    generate = GenerateConfig(
        size=int(pipe.network.config.image_size), steps=options.steps, hands=False, tta_flip=options.flip,
        tta_rotation=True, rotation_gain=ROTATION_GAIN,
    )  # fmt: skip
    config = FitConfig(**NETWORK_STD, hands=False, max_pixels=options.max_pixels)
    coarse = CoarseBodies(body) if options.start == "network" or not options.polish else None
    return SingleViewEstimator(
        body, pipe, detector, generate, config, options.min_score, coarse, options.polish
    )


def run_images(options: ImageOptions, estimator: SingleViewEstimator | None = None) -> list[Path]:
    """Every image as a picture of its own; returns their folders.

    Images that cannot be read are left out with a warning; InputError where none can.
    """
    files = image_files(Path(options.path).expanduser())
    estimator = estimator or open_estimator(options)
    folders: list[Path] = []
    errors: list[InputError] = []
    for file in files:
        try:
            image = read_image(file)
        except InputError as error:
            errors.append(error)
            log.warning("%s", error)
            continue
        height, width = image.shape[:2]
        result = estimator.run(image, focal_prior(width, height, options.focal, file))
        folder = _folder(file.stem, file, options, estimator)
        _say(file.name, folder.add(0, image, result, [*range(len(result.people))]))
        folder.close()
        folders.append(folder.out)
    if errors and not folders:
        raise errors[0]
    return folders


def run_video(options: VideoOptions, estimator: SingleViewEstimator | None = None) -> Path:
    """A video file; returns the folder of the results."""
    path = Path(options.path).expanduser()
    frames = video_frames(path, options.frames)
    estimator = estimator or open_estimator(options)
    return _run_frames(frames, _folder(path.stem, path, options, estimator), options, estimator)


def run_camera(options: CameraOptions, estimator: SingleViewEstimator | None = None) -> Path:
    """A connected camera until `limit` or an interruption; returns the folder of the results."""
    if not options.path.isdecimal():
        raise InputError("the number of a camera", options.path, "write 0 for the first one")
    frames = camera_frames(int(options.path), options.limit)
    estimator = estimator or open_estimator(options)
    folder = _folder(f"camera{options.path}", None, options, estimator)
    return _run_frames(frames, folder, options, estimator)


def run_bench(options: BenchOptions, estimator: SingleViewEstimator | None = None) -> dict[str, Any]:
    """Milliseconds of each stage over the frames of a video or the pictures of a folder: mean, median, p95."""
    import torch

    path = Path(options.path).expanduser()
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        estimator = estimator or open_estimator(options)
        is_video = path.suffix.lower() in VIDEOS
        frames: Iterable[Frame] = (
            video_frames(path, options.frames)
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
    stages = dict.fromkeys(name for row in rows for name in row)
    return {
        "frames": len(rows),
        "people_per_frame": round(float(np.mean(people)), 2),
        "detector_stride": tracker.stride,
        "threads": options.threads,
        "ms": {name: statistics([1000 * row.get(name, 0.0) for row in rows]) for name in stages},
    }


def statistics(values: list[float]) -> dict[str, float]:
    """Mean, median and 95th percentile."""
    mean, median, p95 = np.mean(values), np.median(values), np.percentile(values, 95)
    return {"mean": round(float(mean), 2), "median": round(float(median), 2), "p95": round(float(p95), 2)}


def track_frame(
    estimator: SingleViewEstimator, tracker: Tracker, number: int, image: np.ndarray, focal: float
) -> tuple[PictureResult, list[int]]:
    """One frame of a video, and the ids of its people; `number` counts the frames that are looked at."""
    height, width = image.shape[:2]
    prior: FocalPrior = tracker.focal(focal_prior(width, height, focal))
    clock = Stopwatch()
    seen = tracker.expected(number)
    if seen is None:
        with clock("detect"):
            seen = tracker.started(estimator.detect(image))
    result = estimator.run(image, prior, seen, clock)
    return result, tracker.update(number, result)


def _run_frames(
    frames: Iterable[Frame],
    folder: PictureFolder,
    options: VideoOptions | CameraOptions,
    estimator: SingleViewEstimator,
) -> Path:
    tracker = Tracker(options.detector_stride)
    try:
        for number, (frame_id, image) in enumerate(frames):
            result, ids = track_frame(estimator, tracker, number, image, options.focal)
            _say(f"frame {frame_id}", folder.add(frame_id, image, result, ids))
    finally:
        folder.close()  # also after an interruption: what is finished is kept
    return folder.out


def _folder(
    name: str, source: Path | None, options: ImageOptions, estimator: SingleViewEstimator
) -> PictureFolder:
    out = Path(options.out).expanduser() / name
    used: dict[str, Any] = {"body": {"path": options.body}}
    if source is not None and source.suffix.lower() in VIDEOS:
        used["fps"] = frame_rate(source)
    meta = {"generator": options.generator, "version": __version__, "options": used}
    return PictureFolder(out, estimator.body, options.overlay, options.mesh, source, meta)


def _say(name: str, summary: dict[str, Any]) -> None:
    deviation = 100 * summary["focal_log_std"]
    focal = f"focal length {summary['focal_px']:.0f} px ± {deviation:.0f} % ({summary['focal_source']})"
    people = [f"{k}: {p['status']}{_distance(p)}" for k, p in summary["people"].items()]
    log.info("%s: %s", name, "; ".join([focal, *people]) if people else "no person")


def _distance(person: dict[str, Any]) -> str:
    if person["depth_m"] is None:
        return ""
    return f", {person['depth_m']:.2f} ± {person['depth_std_m']:.2f} m away"
