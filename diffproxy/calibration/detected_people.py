"""Keypoints of another detector in the undistorted images of a calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffproxy.cameras import RigFrames
from diffproxy.keypoints import Person2D, open_keypoints


def detected_people(folder: str, frames: RigFrames, ids: Sequence[int]) -> list[list[list[Person2D]]]:
    """Keypoints of another detector: `people[f][c]` in pixels of the undistorted images of frame `ids[f]`."""
    files = open_keypoints(folder, frames.raw_cameras)
    files.compare_frames(frames.frame_ids, frames.file_numbers)
    return [_undistorted(files.frame(f, frames.raw_cameras, frames.file_numbers(f)), frames) for f in ids]


def _undistorted(people: list[list[Person2D]], frames: RigFrames) -> list[list[Person2D]]:
    """Detections in pixels of the undistorted images."""
    out = []
    for found, image, camera in zip(people, frames.raw_cameras, frames.cameras, strict=True):
        moved = []
        for person in found:
            xy = image.normalized(person.points[:, :2]) @ camera.K[:2, :2].T + camera.K[:2, 2]
            good = np.isfinite(xy).all(-1)
            points = np.column_stack([np.where(good[:, None], xy, 0.0), person.points[:, 2] * good])
            moved.append(Person2D(points))
        out.append(moved)
    return out
