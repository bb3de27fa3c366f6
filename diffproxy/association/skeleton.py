"""The 17 COCO keypoints as a body of metric size: bones, which lengths a person can have, left and right."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.encoders.movenet import NUM_KEYPOINTS
from diffproxy.keypoints.layouts import COCO17

_I = {name: i for i, name in enumerate(COCO17)}
#: Joint pairs of each bone (both sides where there are two), and lengths in metres from small children to tall adults.
BONES: dict[str, tuple[tuple[tuple[str, str], ...], float, float]] = {
    "shoulders": ((("left_shoulder", "right_shoulder"),), 0.15, 0.52),
    "hips": ((("left_hip", "right_hip"),), 0.08, 0.45),
    "torso": ((("left_shoulder", "left_hip"), ("right_shoulder", "right_hip")), 0.25, 0.72),
    "upper_arm": ((("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow")), 0.12, 0.42),
    "forearm": ((("left_elbow", "left_wrist"), ("right_elbow", "right_wrist")), 0.10, 0.40),
    "thigh": ((("left_hip", "left_knee"), ("right_hip", "right_knee")), 0.20, 0.62),
    "shank": ((("left_knee", "left_ankle"), ("right_knee", "right_ankle")), 0.20, 0.60),
}
_PAIRS = [(_I[a], _I[b]) for pairs, _, _ in BONES.values() for a, b in pairs]
_START, _END = (np.array(ends) for ends in zip(*_PAIRS, strict=True))
_LIMITS = np.array([(low, high) for pairs, low, high in BONES.values() for _ in pairs])
_BONE = np.array([k for k, (pairs, _, _) in enumerate(BONES.values()) for _ in pairs])
LEAST_BONES = 3  # fewer say nothing about a person
LEAST_PLAUSIBLE = 0.7  # share of the measured bones; single joints may be wrong
assert len(COCO17) == NUM_KEYPOINTS


def is_human_size(
    points: Float[np.ndarray, "*B 17 3"], found: Bool[np.ndarray, "*B 17"], unknown: bool = False
) -> Bool[np.ndarray, "*B"]:
    """Whether the bones between the joints that were `found` have lengths (metres) that people have.

    `unknown` is the answer where fewer than `LEAST_BONES` bones are measured.
    """
    lengths = np.linalg.norm(points[..., _START, :] - points[..., _END, :], axis=-1)
    measured = found[..., _START] & found[..., _END]
    good = measured & (lengths > _LIMITS[:, 0]) & (lengths < _LIMITS[:, 1])
    count = measured.sum(-1)
    return np.where(count >= LEAST_BONES, good.sum(-1) >= LEAST_PLAUSIBLE * count, unknown)


def bone_lengths(points: Float[np.ndarray, "F 17 3"]) -> Float[np.ndarray, " B"]:
    """Median length of each of BONES over frames and both sides, metres; NaN where never measured (points are NaN)."""
    lengths = np.linalg.norm(points[:, _START] - points[:, _END], axis=-1)
    out = np.full(len(BONES), np.nan)
    for k in range(len(BONES)):
        values = lengths[:, k == _BONE]
        values = values[np.isfinite(values)]
        out[k] = np.median(values) if len(values) else np.nan
    return out
