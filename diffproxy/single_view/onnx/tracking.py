"""People of a video over time: ids, boxes between detections, and one focal length for all frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from diffproxy.geometry.boxes import Box, best_of_overlapping, box_iou
from diffproxy.single_view.onnx.estimator import Camera, Picture, Seen

SAME_PERSON_IOU = 0.2
"""Boxes of two frames that do not overlap more are not of the same person."""
KEPT_FRAMES = 30
"""Frames for which a person who is not seen keeps the id."""
FOCAL_FRAMES = 5
"""Frames whose estimates are combined to the focal length of a video; it is fixed afterwards."""


@dataclass(frozen=True)
class Track:
    """A person of a video: the box expected next (None: lost), the last one, and the frame it was seen in."""

    person_id: int
    box: Box
    expected: Box | None
    score: float
    last_frame: int


@dataclass
class Tracker:
    """Ids of the people of one video; for each frame call `seen` and `update`.

    Args:
        stride: The detector runs in one frame of so many, and where somebody was lost.
    """

    stride: int = 1
    tracks: list[Track] = field(default_factory=list)
    since_detection: int = 0
    _next_id: int = 0
    _focals: list[float] = field(default_factory=list)
    _log_stds: list[float] = field(default_factory=list)

    def expected(self, frame: int) -> list[Seen] | None:
        """Where people are by the keypoints of the frame before; None: the detector is to be asked."""
        present = [t for t in self.tracks if t.last_frame == frame - 1]
        boxes = [t.expected for t in present if t.expected is not None]
        if self.since_detection + 1 >= self.stride or not present or len(boxes) < len(present):
            self.since_detection = 0
            return None
        self.since_detection += 1
        scores = [t.score for t in present]
        # two people whose keypoints are the same one's are one
        return [Seen(boxes[i], scores[i]) for i in best_of_overlapping(boxes, scores, 0.0)]

    def update(self, frame: int, picture: Picture) -> list[int]:
        """The id of each person of the frame; the tracks move on."""
        boxes = [t.expected or t.box for t in self.tracks]
        owners = match_boxes(boxes, [p.next_box or p.box for p in picture.people])
        ids = []
        for owner in owners:
            ids.append(self._next_id if owner is None else self.tracks[owner].person_id)
            self._next_id += owner is None
        moved = [
            Track(k, p.box, p.next_box, p.score, frame) for k, p in zip(ids, picture.people, strict=True)
        ]
        kept = [t for t in self.tracks if t.person_id not in ids and frame - t.last_frame <= KEPT_FRAMES]
        self.tracks = [*kept, *moved]
        trusted = any(p.status == "one_view" for p in picture.people)
        if trusted and picture.camera.source == "usual lenses" and len(self._focals) < FOCAL_FRAMES:
            self._focals.append(picture.camera.focal)
            self._log_stds.append(picture.camera.log_std)
        return ids

    def camera(self, usual: Camera) -> Camera:
        """The camera of the next frame: after a few frames the median of their estimates, which stays.

        Frames of a video show the same people from the same side, so their deviations do not average out.
        """
        if usual.source == "given" or len(self._focals) < FOCAL_FRAMES:
            return usual
        middle = float(np.exp(np.median(np.log(self._focals))))
        return replace(usual, focal=middle, log_std=float(np.median(self._log_stds)), source="earlier frames")


def match_boxes(before: Sequence[Box], now: Sequence[Box]) -> list[int | None]:
    """Of each box of `now` its row in `before`, or None: the largest overlaps first, one to one."""
    owner: list[int | None] = [None] * len(now)
    pairs = [(box_iou(a, b), i, j) for i, a in enumerate(before) for j, b in enumerate(now)]
    taken: set[int] = set()
    for overlap, i, j in sorted(pairs, reverse=True):
        if overlap > SAME_PERSON_IOU and i not in taken and owner[j] is None:
            owner[j] = i
            taken.add(i)
    return owner
