"""How much of a person an image shows, by the skeletons of everybody who may stand in front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.cameras import Camera
from diffproxy.pipeline.pixel_claims import LIMBS, MIN_CONFIDENCE

REACH_M = 0.08  # half the width of what a limb hides: between those of arms and of the trunk
STEPS = np.linspace(0, 1, 5)  # points of a limb
NEAREST_M = 0.1  # in front of a camera
SAME_PERSON = 0.15  # of a person's size in the image: two skeletons that are closer, in the median, are one
LEAST_KEYPOINTS = 4  # fewer say nothing about whose they are

Skeleton = Float[np.ndarray, "17 3"]
"""Pixels and depth in metres, or pixels and confidence."""


def free_share(
    joints: Skeleton, camera: Camera, people: Sequence[Skeleton], strangers: Sequence[Skeleton]
) -> float:
    """The share of a person's limbs that lies inside of an image with nobody in front.

    Args:
        joints: The person's joints, metres.
        camera: Of the image.
        people: Joints of the others, metres; they hide what is behind them.
        strangers: Keypoints of detections whose distance nobody knows, pixels and confidence. They are taken to stand
            in front, unless they are this person's own, see `is_same`.
    """
    mine = _in_image(joints, camera)
    ends = mine[LIMBS]
    points = (ends[:, None, 0] + STEPS[:, None] * (ends[:, None, 1] - ends[:, None, 0])).reshape(-1, 3)
    inside = (points[:, :2] >= 0).all(-1) & (points[:, :2] < [camera.width, camera.height]).all(-1)
    free = inside & (points[:, 2] > NEAREST_M)
    focal = float(camera.K[1, 1])
    for theirs in (_in_image(other, camera) for other in people):
        free &= ~_hidden(points, theirs, theirs[:, 2] > NEAREST_M, focal)
    for keypoints in strangers:
        if not is_same(keypoints, mine[:, :2]):
            # As far away as the person, for the size of their limbs.
            theirs = np.concatenate([keypoints[:, :2], np.full((17, 1), np.median(mine[:, 2]))], 1)
            free &= ~_hidden(points, theirs, keypoints[:, 2] >= MIN_CONFIDENCE, focal, in_front=True)
    return float(free.mean())


def is_same(keypoints: Skeleton, expected: Float[np.ndarray, "17 2"]) -> bool:
    """Whether the keypoints of a detection are those of the person whose `expected` pixels are given."""
    good = keypoints[:, 2] >= MIN_CONFIDENCE
    if good.sum() < LEAST_KEYPOINTS:
        return False
    size = max(float(np.ptp(expected, axis=0).max()), 1.0)
    return (
        float(np.median(np.linalg.norm(keypoints[good, :2] - expected[good], axis=-1))) < SAME_PERSON * size
    )


def _in_image(joints: Skeleton, camera: Camera) -> Skeleton:
    """Pixels and depth."""
    depth = joints @ camera.R_cam_world[2] + camera.t_cam_world[2]
    return np.concatenate([camera.project(joints), depth[:, None]], 1)


def _hidden(
    points: Float[np.ndarray, "N 3"],
    skeleton: Skeleton,
    good: Bool[np.ndarray, " J"],
    focal: float,
    in_front: bool = False,
) -> Bool[np.ndarray, " N"]:
    """Which points (pixels and depth) lie behind a limb; `in_front`: of a skeleton that is nearer than all of them."""
    good = good & np.isfinite(skeleton).all(-1)
    out = np.zeros(len(points), dtype=bool)
    for a, b in LIMBS[good[LIMBS].all(-1)]:
        start, along = skeleton[a], skeleton[b] - skeleton[a]
        away = points[:, :2] - start[:2]
        share = np.clip(away @ along[:2] / max(float(along[:2] @ along[:2]), 1e-9), 0.0, 1.0)
        distance = np.linalg.norm(away - share[:, None] * along[:2], axis=-1)
        depth = start[2] + share * along[2]
        out |= (distance < REACH_M * focal / depth) & (in_front | (depth < points[:, 2]))
    return out
