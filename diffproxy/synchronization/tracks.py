"""The keypoints of one person over time in each view, as viewing rays; views are not compared yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.keypoints.layouts import BODY_NAMES, Person2D
from diffproxy.utils.errors import InputError

MIN_CONFIDENCE = 0.3  # of a keypoint
SAME_PERSON = (
    0.5  # largest median distance of keypoints between two detections of a person, over the person's size
)
LONGEST_GAP = 5  # frames between two detections that are interpolated
BODY = len(BODY_NAMES)


@dataclass(frozen=True)
class ViewTrack:
    """Rays of K keypoints in N successive frames of one camera.

    `name`, `origin`: of the camera, metres. `direction`: unit vectors in the world. `weight`: confidences; 0 without a
    detection.
    """

    name: str
    origin: Float[np.ndarray, " 3"]
    direction: Float[np.ndarray, "N K 3"]
    weight: Float[np.ndarray, "N K"]

    def __len__(self) -> int:
        return len(self.direction)


def subject_tracks(
    people: Sequence[Mapping[int, Sequence[Person2D]]], cameras: Sequence[Camera]
) -> tuple[list[ViewTrack], list[str]]:
    """The person who is seen best in each view, followed from frame to frame.

    Args:
        people: `people[v]` are the detections of camera v by frame number, pixels of its image; frames may be missing.
        cameras: Cameras of the images; lens distortion is used.

    Returns:
        Tracks of equal length over all frame numbers from the first to the last, and notes on what is doubtful.

    Raises:
        InputError: a camera without a person.
    """
    numbers = [n for view in people for n in view]
    first, count = min(numbers, default=0), max(numbers, default=0) - min(numbers, default=0) + 1
    tracks, notes = [], []
    for view, camera in zip(people, cameras, strict=True):
        followed = _follow(view)
        if not followed:
            raise InputError(
                f"a person in the images of {camera.name}",
                "nobody",
                "leave this camera out, or choose other frames",
            )
        if len(followed) < 0.5 * len(view):
            notes.append(f"camera {camera.name}: a person in {len(followed)} of {len(view)} frames only")
        if any(len(found) > 1 for found in view.values()):
            notes.append(f"camera {camera.name}: several people; the one seen best is used")
        points = np.full((count, BODY, 3), np.nan)
        for number, person in followed.items():
            points[number - first] = person.points[:BODY]
        points = _interpolated(points)
        direction = camera.rays_world(points[..., :2])[1]
        good = np.isfinite(direction).all(-1) & (points[..., 2] >= MIN_CONFIDENCE)
        weight = np.where(good, points[..., 2], 0.0)
        direction = np.where(good[..., None], direction, [0.0, 0.0, 1.0])
        tracks.append(ViewTrack(camera.name, camera.center_world, direction, weight))
    return tracks, notes


def _follow(view: Mapping[int, Sequence[Person2D]]) -> dict[int, Person2D]:
    """From the most confident detection forwards and backwards to the nearest one in the next frame."""
    seen = [(_confidence(p), n, i) for n, found in view.items() for i, p in enumerate(found)]
    if not seen:
        return {}
    _, start, i = max(seen)
    out = {start: view[start][i]}
    for order in (sorted(n for n in view if n > start), sorted((n for n in view if n < start), reverse=True)):
        last = out[start]
        for number in order:
            near = [(d, k) for k, p in enumerate(view[number]) if (d := _distance(last, p)) < SAME_PERSON]
            if near:
                out[number] = last = view[number][min(near)[1]]
    return out


def _confidence(person: Person2D) -> float:
    return float(person.points[:BODY, 2].sum())


def _distance(a: Person2D, b: Person2D) -> float:
    """Median distance of the keypoints of two detections, over the size of the first."""
    both = (np.minimum(a.points[:BODY, 2], b.points[:BODY, 2]) >= MIN_CONFIDENCE).nonzero()[0]
    if len(both) < 3:
        return np.inf
    size = float(np.ptp(a.points[both, :2], axis=0).max())
    return float(np.median(np.linalg.norm(a.points[both, :2] - b.points[both, :2], axis=-1))) / max(
        size, 1e-6
    )


def _interpolated(points: Float[np.ndarray, "N K 3"]) -> Float[np.ndarray, "N K 3"]:
    """Short gaps between frames with a detection filled linearly; the confidence is then the lower of both."""
    out = points.copy()
    known = np.flatnonzero(np.isfinite(points[:, 0, 0]))
    for a, b in pairwise(known):
        if 1 < b - a <= LONGEST_GAP:
            share = (np.arange(a + 1, b) - a)[:, None, None] / (b - a)
            out[a + 1 : b] = (1 - share) * points[a] + share * points[b]
            out[a + 1 : b, :, 2] = np.minimum(points[a, :, 2], points[b, :, 2])
    return out
