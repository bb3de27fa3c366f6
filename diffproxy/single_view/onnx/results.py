"""What is found in a picture without torch: people, their bodies, and the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffproxy.geometry.boxes import Box
from diffproxy.single_view.picture_result import PictureResult

REASONS = {
    "one_view": "the depth rests on an average body size",
    "doubtful": "the keypoints fit no body well",
    "no_person": "fewer than 4 confident keypoints, or nobody is seen there",
}


@dataclass(frozen=True)
class Seen:
    """Somebody in a picture: box in pixels, and the score of the detector (or of the previous frame)."""

    box: Box
    score: float


@dataclass(frozen=True)
class Camera:
    """A pinhole camera whose principal point is the middle of the picture; all in pixels."""

    width: int
    height: int
    focal: float

    @property
    def K(self) -> np.ndarray:
        return np.array(
            [[self.focal, 0.0, self.width / 2], [0.0, self.focal, self.height / 2], [0.0, 0.0, 1.0]]
        )


@dataclass(frozen=True)
class Person:
    """A person of a picture, in metres and the camera's axes (x right, y down, z forward).

    `keypoints`: x, y, confidence, deviation (pixels) of 17 COCO keypoints. `params`: one array per field of SMPL-X.
    `next_box`: where the person is expected in the next frame; None where that is not certain. Without a body
    (`no_person`) params and joints are NaN.
    """

    box: Box
    score: float
    keypoints: np.ndarray
    status: str
    params: dict[str, np.ndarray]
    joints: np.ndarray
    joint_std: np.ndarray
    depth_std: float
    next_box: Box | None

    @property
    def depth(self) -> float:
        """Depth of the pelvis, metres; NaN without a body."""
        return float(self.joints[0, 2])

    @property
    def has_body(self) -> bool:
        return self.status != "no_person"

    @property
    def reason(self) -> str:
        return REASONS[self.status]


PosedPicture = PictureResult[Person, Camera]
