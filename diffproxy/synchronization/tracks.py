"""The keypoints of one person over time in each view, as viewing rays; views are not compared yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.cameras.views import without
from diffproxy.keypoints.layouts import BODY_NAMES, Person2D
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_each
from diffproxy.utils.short_repr import short_repr

MIN_CONFIDENCE = 0.3  # of a keypoint
# largest median distance of keypoints between two detections of a person, over the person's size
SAME_PERSON = 0.5
LONGEST_GAP = 5  # frames between two detections that are interpolated
# largest distance of any keypoint between two detections in one image, over the person's size
SAME_IMAGE = 0.002
MANY = 0.3  # share of frames that repeat the one before from which a video is said to
LONGEST_REPEAT = 12  # frames that one image is shown; longer, the video is frozen or the person rests
BODY = len(BODY_NAMES)


@checked
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

    __repr__ = short_repr

    def __len__(self) -> int:
        return len(self.direction)


@checked
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
    one_each("views of people", len(people), len(cameras), "camera")
    numbers = [n for view in people for n in view]
    first, count = min(numbers, default=0), max(numbers, default=0) - min(numbers, default=0) + 1
    tracks, notes = [], []
    whole = [_follow(view) for view in people]
    if empty := [camera.name for followed, camera in zip(whole, cameras, strict=True) if not followed]:
        raise InputError(
            f"a person in the images of {', '.join(empty)}",
            "nobody",
            without(empty, [c.name for c in cameras], "choose frames that show the person in two cameras"),
        )
    for view, followed, camera in zip(people, whole, cameras, strict=True):
        moments = _first_of_repeats(followed)
        repeats = len(followed) - len(moments)
        if len(followed) < 0.5 * len(view):
            notes.append(f"camera {camera.name}: a person in {len(followed)} of {len(view)} frames only")
        if any(len(found) > 1 for found in view.values()):
            notes.append(f"camera {camera.name}: several people; the one seen best is used")
        if repeats > MANY * len(followed):
            notes.append(
                f"camera {camera.name}: {repeats} of {len(followed)} frames repeat the image before, so it is one of "
                "an earlier moment; the offset is that of the first frame of each image"
            )
        points = np.full((count, BODY, 3), np.nan)
        for number, person in moments.items():
            points[number - first] = person.points[:BODY]
        points = _interpolated(points, LONGEST_REPEAT if repeats else LONGEST_GAP)
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


def _first_of_repeats(followed: Mapping[int, Person2D]) -> dict[int, Person2D]:
    """Without images that repeat the one before, as in a video that is stored at a higher rate than it was taken at.

    Only the first frame shows the moment that its number says. With the others the offset is half a run too large.
    """
    runs: list[list[int]] = []
    for number in sorted(followed):
        if runs and _distance(followed[runs[-1][0]], followed[number], np.max) <= SAME_IMAGE:
            runs[-1].append(number)
        else:
            runs.append([number])
    kept = [n for run in runs for n in (run[:1] if run[-1] - run[0] < LONGEST_REPEAT else run)]
    return {n: followed[n] for n in kept}


def _confidence(person: Person2D) -> float:
    return float(person.points[:BODY, 2].sum())


def _distance(a: Person2D, b: Person2D, of: Callable[..., Any] = np.median) -> float:
    """Median (or another number of all) distance of the keypoints of two detections, over the size of the first."""
    both = (np.minimum(a.points[:BODY, 2], b.points[:BODY, 2]) >= MIN_CONFIDENCE).nonzero()[0]
    if len(both) < 3:
        return np.inf
    size = float(np.ptp(a.points[both, :2], axis=0).max())
    return float(of(np.linalg.norm(a.points[both, :2] - b.points[both, :2], axis=-1))) / max(size, 1e-6)


def _interpolated(points: Float[np.ndarray, "N K 3"], longest: int) -> Float[np.ndarray, "N K 3"]:
    """Gaps of at most `longest` frames between detections filled linearly, with the lower confidence of both."""
    out = points.copy()
    known = np.flatnonzero(np.isfinite(points[:, 0, 0]))
    for a, b in pairwise(known):
        if 1 < b - a <= longest:
            share = (np.arange(a + 1, b) - a)[:, None, None] / (b - a)
            out[a + 1 : b] = (1 - share) * points[a] + share * points[b]
            out[a + 1 : b, :, 2] = np.minimum(points[a, :, 2], points[b, :, 2])
    return out
