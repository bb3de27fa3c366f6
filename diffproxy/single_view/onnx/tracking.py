"""People of a video over time: ids, boxes between detections, and one focal length for all frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from diffproxy.geometry.box_matching import match_boxes
from diffproxy.geometry.boxes import Box, best_of_overlapping
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.onnx.results import PosedPicture, Seen
from diffproxy.single_view.people_over_time import KEPT_FRAMES, SAME_PERSON_IOU, VideoFocal


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
    """Ids of the people of one video; call `expected` or `started`, then `update`, frame by frame.

    Args:
        stride: The detector runs in one frame of so many, and where somebody was lost.
    """

    stride: int = 1
    tracks: list[Track] = field(default_factory=list)
    since_detection: int = 0
    _next_id: int = 0
    _focal: VideoFocal = field(default_factory=VideoFocal)

    def expected(self, frame: int) -> list[Seen] | None:
        """Where people are by the keypoints of the frame before; None: the detector is to be asked."""
        present = [t for t in self.tracks if t.last_frame == frame - 1]
        boxes = [t.expected for t in present if t.expected is not None]
        if self.since_detection + 1 >= self.stride or not present or len(boxes) < len(present):
            return None
        self.since_detection += 1
        scores = [t.score for t in present]
        # two people whose keypoints are the same one's are one
        return [Seen(boxes[i], scores[i]) for i in best_of_overlapping(boxes, scores, 0.0)]

    def started(self, detected: Sequence[Seen]) -> list[Seen]:
        """Detections as they are: whose they are is decided by the keypoints, in `update`."""
        self.since_detection = 0
        return list(detected)

    def update(self, frame: int, picture: PosedPicture) -> list[int]:
        """The id of each person of the frame; the tracks move on."""
        boxes = [t.expected or t.box for t in self.tracks]
        owners = match_boxes(boxes, [p.next_box or p.box for p in picture.people], SAME_PERSON_IOU)
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
        if trusted and picture.focal_log_std > 0:
            self._focal.add(picture.camera.focal, picture.focal_log_std)
        return ids

    def focal(self, before: FocalPrior) -> FocalPrior:
        """The belief for the next frame: the focal length of the video once that is known."""
        return self._focal.prior(before)
