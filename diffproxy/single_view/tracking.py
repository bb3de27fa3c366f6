"""People of a video over time: ids, boxes between detections, and one focal length for all frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyParams
from diffproxy.cameras import Camera
from diffproxy.geometry.box_matching import match_boxes
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.person_boxes import from_joints
from diffproxy.single_view.estimator import FittedPicture, Person, Seen
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.people_over_time import KEPT_FRAMES, SAME_PERSON_IOU, VideoFocal


@dataclass(frozen=True)
class Track:
    """A person of a video: the last box and body, and in which frame they were seen."""

    person_id: int
    box: Box
    score: float
    last_frame: int
    body: BodyParams | None = None


@dataclass
class Tracker:
    """Ids of the people of one video; call `expected` or `started`, then `update`, frame by frame.

    Args:
        stride: The detector runs in every frame whose number since the last detection reaches it; between, boxes come
            from the bodies of the frame before.
    """

    stride: int = 1
    tracks: list[Track] = field(default_factory=list)
    since_detection: int = 0
    _next_id: int = 0
    _order: list[int | None] = field(default_factory=list)
    _focal: VideoFocal = field(default_factory=VideoFocal)

    def expected(self, frame: int) -> list[Seen] | None:
        """Where people are by the bodies of the frame before; None: the detector is to be asked."""
        present = [t for t in self.tracks if t.last_frame == frame - 1]
        lost = any(t.body is None for t in present)
        if self.since_detection + 1 >= self.stride or not present or lost:
            return None
        self.since_detection += 1
        self._order = [t.person_id for t in present]
        return [Seen(t.box, t.score, t.body) for t in present]

    def started(self, detected: Sequence[Seen]) -> list[Seen]:
        """Detections with the bodies of the same people in earlier frames to start from."""
        self.since_detection = 0
        owner = match_boxes([t.box for t in self.tracks], [s.box for s in detected], SAME_PERSON_IOU)
        self._order = [None if i is None else self.tracks[i].person_id for i in owner]
        bodies = [None if i is None else self.tracks[i].body for i in owner]
        return [replace(s, start=b) for s, b in zip(detected, bodies, strict=True)]

    def update(self, frame: int, result: FittedPicture) -> list[int]:
        """The id of each person of the frame; the tracks move on."""
        ids = []
        for known, person in zip(self._order, result.people, strict=True):
            if known is None:
                known, self._next_id = self._next_id, self._next_id + 1
            ids.append(known)
            self._move(known, frame, person, result.camera)
        self.tracks = [t for t in self.tracks if frame - t.last_frame <= KEPT_FRAMES]
        trusted = any(p.fit.result.has_body for p in result.people)
        if trusted and result.focal_log_std > 0:
            self._focal.add(float(result.camera.K[0, 0]), result.focal_log_std)
        return ids

    def focal(self, before: FocalPrior) -> FocalPrior:
        """The belief for the next frame: the focal length of the video once that is known."""
        return self._focal.prior(before)

    def _move(self, known: int, frame: int, person: Person, camera: Camera) -> None:
        result = person.fit.result
        box = body_box(result.joints, camera) if result.has_body else None
        body = result.params if box is not None else None
        self.tracks = [t for t in self.tracks if t.person_id != known]
        self.tracks.append(Track(known, box or person.box, person.score, frame, body))


def body_box(joints: Float[np.ndarray, "55 3"], camera: Camera) -> Box | None:
    """The box of a body with room for its motion to the next frame; None where its middle is out of the picture."""
    return from_joints(joints, [camera]).boxes[0]
