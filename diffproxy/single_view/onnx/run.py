"""The commands as functions: pictures, videos and cameras to folders of results."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from diffproxy.single_view.onnx.estimator import Estimator, Picture
from diffproxy.single_view.onnx.models import Models
from diffproxy.single_view.onnx.options import CameraOptions, EstimateOptions, ImageOptions, VideoOptions
from diffproxy.single_view.onnx.outputs import PictureFolder
from diffproxy.single_view.onnx.pictures import open_video, read_picture
from diffproxy.single_view.onnx.tracking import Tracker
from diffproxy.single_view.sources import Frame, camera_frames, image_files
from diffproxy.utils.errors import InputError
from diffproxy.utils.timing import Stopwatch

log = logging.getLogger(__name__)


def open_estimator(options: EstimateOptions) -> Estimator:
    """The exported models of the options."""
    models = Models(Path(options.models).expanduser(), options.threads)
    return Estimator(models, options.detector_side, options.crop_side, options.flip, options.min_score)


def run_images(options: ImageOptions) -> list[Path]:
    """Every image as a picture of its own; returns their folders."""
    files = image_files(Path(options.path).expanduser())
    estimator, folders = open_estimator(options), []
    for file in files:
        image = read_picture(file)
        camera = estimator.usual_camera(image.shape[1], image.shape[0], options.focal)
        picture = estimator.run(image, camera)
        folder = _folder(file.stem, file, options, estimator)
        folder.add(0, image, picture, [*range(len(picture.people))])
        folder.close()
        _say(file.name, picture, [*range(len(picture.people))])
        folders.append(folder.out)
    return folders


def run_video(options: VideoOptions) -> Path:
    """A video file; returns the folder of the results."""
    path = Path(options.path).expanduser()
    rate, frames = open_video(path, options.frames)
    estimator = open_estimator(options)
    folder = _folder(path.stem, path, options, estimator)
    folder.options["fps"] = rate
    return _run_frames(frames, folder, options, estimator)


def run_camera(options: CameraOptions) -> Path:
    """A connected camera until `limit` or an interruption; returns the folder of the results."""
    if not options.path.isdecimal():
        raise InputError("the number of a camera", options.path, "write 0 for the first one")
    frames = camera_frames(int(options.path), options.limit)
    estimator = open_estimator(options)
    return _run_frames(frames, _folder(f"camera{options.path}", None, options, estimator), options, estimator)


def track_frame(
    estimator: Estimator, tracker: Tracker, number: int, image: np.ndarray, focal: float
) -> tuple[Picture, list[int]]:
    """One frame of a video, and the ids of its people; `number` counts the frames that are looked at."""
    camera = tracker.camera(estimator.usual_camera(image.shape[1], image.shape[0], focal))
    clock = Stopwatch()
    picture = estimator.run(image, camera, tracker.expected(number), clock)
    return picture, tracker.update(number, picture)


def _run_frames(
    frames: Iterable[Frame],
    folder: PictureFolder,
    options: VideoOptions | CameraOptions,
    estimator: Estimator,
) -> Path:
    tracker = Tracker(options.detector_stride)
    try:
        for number, (frame_id, image) in enumerate(frames):
            picture, ids = track_frame(estimator, tracker, number, image, options.focal)
            folder.add(frame_id, image, picture, ids)
            _say(f"frame {frame_id}", picture, ids)
    finally:
        folder.close()  # also after an interruption: what is finished is kept
    return folder.out


def _folder(name: str, source: Path | None, options: ImageOptions, estimator: Estimator) -> PictureFolder:
    out = Path(options.out).expanduser() / name
    return PictureFolder(out, estimator.models, options.overlay, source)


def _say(name: str, picture: Picture, ids: list[int]) -> None:
    camera = picture.camera
    parts = [f"focal length {camera.focal:.0f} px ± {100 * camera.log_std:.0f} % ({camera.source})"]
    for person_id, person in zip(ids, picture.people, strict=True):
        away = f", {person.joints[0, 2]:.2f} ± {person.depth_std:.2f} m away" if person.has_body else ""
        parts.append(f"{person_id}: {person.status}{away}")
    log.info("%s: %s", name, "; ".join(parts) if picture.people else "no person")
