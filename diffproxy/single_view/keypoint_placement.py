"""A regressed body is moved until its keypoints lie on the detected ones; numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST_DEPTH = 0.1
"""Metres of a point whose image counts."""
ROUNDS = 5
OUTLIER = 3.0
"""Deviations of a keypoint at which it counts a quarter (Geman-McClure)."""
OF_BODY = 0.06
"""Metres: deviation of the keypoints of a coarse body from exact ones, beside that of the detected ones. Both constants
were chosen on 117 crops of subjects of the training split."""
OF_WHOLE_PICTURE = 0.08
"""Deviation of the log of the depth that the network of whole pictures gives, as against its bodies' sizes on the
keypoints. Its own deviation is nearly that of the unknown lens, which everybody shares. Of 0.02, 0.03, 0.04, 0.06, 0.08
and its own, F1 on the validation split is best with the last two (0.90 against 0.89), Tz and order of depth with the
first."""


def points_on_bones(
    joints: np.ndarray,
    rotations: np.ndarray,
    parents: Sequence[int],
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    """Keypoints that are fixed to bones.

    Args:
        joints: (J, 3) positions, metres.
        rotations: (B, 3, 3) of the root, and of the next joints in their parents' frames.
        parents: Of each joint.
        places: Of each keypoint the joint that it is near, the joint in whose frame it is fixed, and its offset from
            the former in that frame, metres.

    Returns:
        (K, 3) positions, metres.
    """
    turns = [rotations[0]]
    for j in range(1, len(rotations)):
        turns.append(turns[parents[j]] @ rotations[j])
    near, frame, offset = places
    return joints[near] + (np.stack(turns)[frame] @ offset[..., None])[..., 0]


def shift_onto_keypoints(
    points: np.ndarray,
    keypoints: np.ndarray,
    K: np.ndarray,
    least_confidence: float,
    depth_std: float,
) -> np.ndarray:
    """The motion that brings the images of points to detected keypoints, by robust least squares.

    Args:
        points: (K, 3) metres, camera axes.
        keypoints: (K, 4) x, y in pixels, confidence, deviation in pixels, of the same points.
        K: (3, 3) intrinsic matrix of the picture.
        least_confidence: Keypoints below it are missing.
        depth_std: Deviation of the depth that the points have, metres.

    Returns:
        (3,) metres; zeros for fewer than two keypoints.
    """
    used = (keypoints[:, 2] >= least_confidence) & (points[:, 2] > LEAST_DEPTH)
    if used.sum() < 2:
        return np.zeros(3)
    x, seen = points[used].astype(np.float64), keypoints[used].astype(np.float64)
    ray = (seen[:, :2] - K[:2, 2]) / K[0, 0]
    # Metres at the point's depth: its image is at the keypoint where x + t_x - ray (z + t_z) = 0.
    left = (ray * x[:, 2:] - x[:, :2]).reshape(-1)
    A = np.concatenate([np.tile(np.eye(2), (len(x), 1)), -ray.reshape(-1, 1)], axis=1)
    variance = np.repeat((seen[:, 3] * x[:, 2] / K[0, 0]) ** 2 + OF_BODY**2, 2)
    prior = np.diag([0.0, 0.0, 1 / max(depth_std, 1e-6) ** 2])
    shift, robust = np.zeros(3), np.ones(len(left))
    for _ in range(ROUNDS):
        weighted = A * (robust / variance)[:, None]
        shift = np.linalg.solve(weighted.T @ A + prior, weighted.T @ left)
        off = (np.square(A @ shift - left) / variance).reshape(-1, 2).sum(1)
        robust = np.repeat((1 + off / OUTLIER**2) ** -2.0, 2)
    return shift
