"""The commands as functions, with and without torch: pictures, videos and cameras to folders of results."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.single_view.backend import Backend, Estimator, PictureT, SeenT, Tracker
from diffproxy.single_view.options import CameraFrames, PictureOptions, RecordingOptions, VideoFrames
from diffproxy.single_view.picture_folder import PictureFolder
from diffproxy.single_view.sources import Frame, camera_frames, image_files
from diffproxy.utils.errors import InputError
from diffproxy.utils.timing import Stopwatch

log = logging.getLogger(__name__)


def run_images(options: PictureOptions, backend: Backend[SeenT, PictureT]) -> list[Path]:
    """Every image as a picture of its own; returns their folders.

    Images that cannot be read are left out with a warning; InputError where none can.
    """
    files = image_files(Path(options.path).expanduser())
    estimator = backend.estimator
    opened = [
        backend.folder(folder_of(file), file) for file in files
    ]  # all of them before the first is looked at
    folders: list[Path] = []
    errors: list[InputError] = []
    for file, folder in zip(files, opened, strict=True):
        try:
            image = backend.read_picture(file, folder.notes)
        except InputError as error:
            errors.append(error)
            log.warning("%s", error)
            continue
        height, width = image.shape[:2]
        picture = estimator.run(image, estimator.focal_prior(width, height, options.focal, file))
        _log(file.name, folder.add(0, image, picture, [*range(len(picture.people))]))
        folder.close()
        folders.append(folder.out)
    if errors and not folders:
        raise errors[0]
    return folders


def run_video(options: VideoFrames, backend: Backend[SeenT, PictureT]) -> Path:
    """A video file; returns the folder of the results."""
    path = Path(options.path).expanduser()
    notes: list[str] = []
    fps, frames = backend.open_video(path, options.frames, notes)
    return _run_frames(frames, options, backend, folder_of(path), path, fps, notes)


def folder_of(file: Path) -> str:
    """Name of the folder of a picture or video: its own without the suffix, unless that names a folder above."""
    return file.stem if file.stem.strip(".") else file.name


def run_camera(options: CameraFrames, backend: Backend[SeenT, PictureT]) -> Path:
    """A connected camera until `limit` or an interruption; returns the folder of the results."""
    if not options.path.isdecimal() or len(options.path) > 4:
        raise InputError("the number of a camera", options.path, "write 0 for the first one")
    frames = camera_frames(int(options.path), options.limit)
    return _run_frames(frames, options, backend, f"camera{options.path}")


def track_frame(
    estimator: Estimator[SeenT, PictureT],
    tracker: Tracker[SeenT, PictureT],
    number: int,
    image: np.ndarray,
    focal: float,
) -> tuple[PictureT, list[int]]:
    """One frame of a video, and the ids of its people.

    Args:
        estimator: The networks.
        tracker: Has seen the frames before.
        number: Counts the frames that are looked at, from 0.
        image: (H, W, 3) uint8 RGB.
        focal: Known focal length, pixels; 0: unknown.
    """
    height, width = image.shape[:2]
    prior = tracker.focal(estimator.focal_prior(width, height, focal))
    clock = Stopwatch()
    seen = tracker.expected(number)
    if seen is None:
        with clock("detect"):
            seen = tracker.started(estimator.detect(image, prior))
    picture = estimator.run(image, prior, seen, clock)
    return picture, tracker.update(number, picture)


def _run_frames(
    frames: Iterable[Frame],
    options: RecordingOptions,
    backend: Backend[SeenT, PictureT],
    name: str,
    source: Path | None = None,
    fps: float | None = None,
    notes: list[str] | None = None,
) -> Path:
    estimator, tracker = backend.estimator, backend.tracker(options.detector_stride)
    folder: PictureFolder[PictureT, Any] = backend.folder(name, source, fps)
    try:
        for number, (frame_id, image) in enumerate(frames):
            picture, ids = track_frame(estimator, tracker, number, image, options.focal)
            _log(f"frame {frame_id}", folder.add(frame_id, image, picture, ids))
    finally:
        folder.notes += notes or []
        folder.close()  # also after an interruption: what is finished is kept
    return folder.out


def _log(name: str, frame: dict[str, Any]) -> None:
    """One line about a picture, from what `PictureFolder.add` returns."""
    deviation = 100 * frame["focal_log_std"]
    focal = f"focal length {frame['focal_px']:.0f} px ± {deviation:.0f} % ({frame['focal_source']})"
    people = [f"person {k}: {p['status']}{_distance(p)}" for k, p in frame["people"].items()]
    log.info("%s: %s", name, "; ".join([focal, *people]) if people else "no person")


def _distance(person: dict[str, Any]) -> str:
    if person["depth_m"] is None:
        return ""
    return f", {person['depth_m']:.2f} ± {person['depth_std_m']:.2f} m away"
