"""Keypoints of one person in all views, as a table for the fitter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from diffproxy.cameras import Camera
from diffproxy.keypoints.layouts import NAMES, Person2D
from diffproxy.keypoints.triangulate import Triangulated, triangulate_people

DETECTOR_STD = 0.012
"""Detection noise in metres at the subject, in addition to the deviation of the definition of a point."""
MIN_CONFIDENCE = 0.2


@dataclass(frozen=True)
class KeypointRows:
    """N keypoints in pinhole cameras: camera, index in NAMES, position (pixels) and confidence (0, 1] of each."""

    cameras: tuple[Camera, ...]
    view: Int[np.ndarray, " N"]
    name: Int[np.ndarray, " N"]
    pixel: Float[np.ndarray, "N 2"]
    confidence: Float[np.ndarray, " N"]
    agreeing: Int[np.ndarray, " N"]
    """Views, this one among them, whose rays meet in one point of this name; 0 for rays that miss it."""
    points: Float[np.ndarray, "K 3"]
    """Triangulated points of NAMES, metres; NaN where views do not agree."""
    chosen: tuple[int | None, ...] = ()

    def __len__(self) -> int:
        return len(self.view)


def one_person(
    people: Sequence[Sequence[Person2D]],
    images: Sequence[Camera],
    cameras: Sequence[Camera],
    near: Float[np.ndarray, "3"] | None = None,
) -> KeypointRows:
    """Select the person on whom the views agree.

    Args:
        people: Detections of each view, in pixels of the image files.
        images: Cameras of the image files, with lens distortion.
        cameras: Pinhole cameras in the same order.
        near: (3,) the person must be within 1 m of this point, metres, if anybody is.

    Returns:
        Keypoints in pixels of `cameras`. A single view gives its most confident person; no detections give no rows.
    """
    found = triangulate_people(people, images, near)
    if near is not None and not any(i is not None for i in found.chosen):
        found = triangulate_people(people, images)
    if not any(i is not None for i in found.chosen) and sum(bool(p) for p in people) == 1:
        sure = [max(range(len(p)), key=lambda i: p[i].points[:, 2].sum()) if p else None for p in people]
        nothing = np.full((len(NAMES), 3), np.nan)
        found = Triangulated(nothing, found.views, found.error_px, tuple(sure))
    view: list[np.ndarray] = []
    name: list[np.ndarray] = []
    pixel: list[np.ndarray] = []
    confidence: list[np.ndarray] = []
    agreeing: list[np.ndarray] = []
    for v, i in enumerate(found.chosen):
        if i is None:
            continue
        points = people[v][i].points
        straight = images[v].normalized(points[:, :2]) @ cameras[v].K[:2, :2].T + cameras[v].K[:2, 2]
        good = np.flatnonzero((points[:, 2] >= MIN_CONFIDENCE) & np.isfinite(straight).all(-1))
        view.append(np.full(len(good), v))
        name.append(good)
        pixel.append(straight[good])
        confidence.append(points[good, 2])
        agreeing.append((found.views.sum(0) * found.views[v])[good])
    if not view:
        view, name, confidence, agreeing = ([np.zeros(0)] for _ in range(4))
        pixel = [np.zeros((0, 2))]
    return KeypointRows(
        tuple(cameras),
        np.concatenate(view).astype(np.int64),
        np.concatenate(name).astype(np.int64),
        np.concatenate(pixel).astype(np.float64),
        np.concatenate(confidence).astype(np.float64),
        np.concatenate(agreeing).astype(np.int64),
        found.points,
        found.chosen,
    )
