"""Meaning of each keypoint in the layouts of detectors, and the one list of names they are converted to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_of
from diffproxy.utils.short_repr import short_repr

_SIDED = (
    "eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "big_toe", "small_toe", "heel", "foot_index",
)  # fmt: skip
BODY_NAMES: tuple[str, ...] = (
    "nose", "neck", "mid_hip", "head_top", *(f"{side}_{name}" for name in _SIDED for side in ("left", "right")),
)  # fmt: skip
HAND_NAMES: tuple[str, ...] = (
    "wrist", *(f"{finger}{k}" for finger in ("thumb", "index", "middle", "ring", "pinky") for k in (1, 2, 3, 4)),
)  # fmt: skip
"""21 points of a hand, in the order of OpenPose, MediaPipe and COCO-WholeBody; 4 is the tip."""
NAMES: tuple[str, ...] = (
    *BODY_NAMES,
    *(f"{side}_hand_{name}" for side in ("left", "right") for name in HAND_NAMES),
)
INDEX = {name: i for i, name in enumerate(NAMES)}

COCO17 = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
_LEFT_HAND = tuple(f"left_hand_{n}" for n in HAND_NAMES)
_RIGHT_HAND = tuple(f"right_hand_{n}" for n in HAND_NAMES)
LAYOUTS: dict[str, tuple[str, ...]] = {
    "coco17": COCO17,
    "body25": (
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye",
        "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
        "right_small_toe", "right_heel",
    ),
    "halpe26": (
        *COCO17, "head_top", "neck", "mid_hip", "left_big_toe", "right_big_toe", "left_small_toe",
        "right_small_toe", "left_heel", "right_heel",
    ),
    "mediapipe33": (
        "nose", "", "left_eye", "", "", "right_eye", "", "left_ear", "right_ear", "", "", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "", "", "", "", "", "",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
        "left_foot_index", "right_foot_index",
    ),
    "wholebody133": (
        *COCO17, "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
        *[""] * 68, *_LEFT_HAND, *_RIGHT_HAND,
    ),
    "left_hand21": _LEFT_HAND,
    "right_hand21": _RIGHT_HAND,
}  # fmt: skip
"""Our name of each point; "" for points that are not used (contours of the face, MediaPipe's knuckles)."""
BY_LENGTH = {len(names): key for key, names in LAYOUTS.items() if not key.endswith("hand21")}


@checked
@dataclass(frozen=True)
class Person2D:
    """One detected person: x, y in pixels of the image file, confidence in [0, 1]; 0: not detected."""

    points: Float[np.ndarray, "K 3"]  # in the order of NAMES

    __repr__ = short_repr

    def __post_init__(self) -> None:
        if self.points.shape != (len(NAMES), 3):
            found = f"points of shape {self.points.shape}"
            raise InputError(f"{len(NAMES)} x 3 points", found, "convert them with `person_from_flat`")

    @property
    def seen(self) -> np.ndarray:
        """(K,) bool."""
        return self.points[:, 2] > 0

    def merged(self, other: Person2D) -> Person2D:
        """The points of both; where both have one, that with the higher confidence."""
        return Person2D(np.where(other.points[:, 2:] > self.points[:, 2:], other.points, self.points))


@checked
def person_from_flat(values: Float[np.ndarray, "n 3"], layout: str | None = None) -> Person2D:
    """Convert rows of a detector.

    Args:
        values: (n, 3) x, y, confidence.
        layout: Name of the layout; None: recognised by n.

    Returns:
        The person. Points that are not finite, or at (0, 0) as OpenPose writes missing ones, count as not detected.

    Raises:
        InputError: an unknown n.
    """
    if layout is not None:
        one_of("layout", layout, tuple(LAYOUTS))
    layout = layout or BY_LENGTH.get(len(values))
    if layout is None or len(LAYOUTS[layout]) != len(values):
        known = ", ".join(f"{n} ({k})" for n, k in sorted(BY_LENGTH.items()))
        raise InputError(
            f"a person of {known} keypoints", f"{len(values)} keypoints", "export one of these layouts"
        )
    points = np.zeros((len(NAMES), 3))
    good = np.isfinite(values).all(-1) & (values[:, 2] > 0) & (values[:, :2] != 0).any(-1)
    for name, row, ok in zip(LAYOUTS[layout], values, good, strict=True):
        if name and ok:
            points[INDEX[name]] = (row[0], row[1], min(float(row[2]), 1.0))
    return Person2D(points)
