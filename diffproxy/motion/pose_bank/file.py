"""How a pose bank is stored: 16-bit rotations and a Gaussian summary."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int16
from numpy import ndarray

from diffproxy.body.flip import flip_body_pose

QUANTUM = np.pi / 32767  # radians per step of the stored 16-bit integers
FLOOR = np.radians(3.0)  # standard deviation added to every direction of the summary


def quantise(rotvec: Float[ndarray, "*shape"]) -> Int16[ndarray, "*shape"]:
    """Radians in [-pi, pi] to 16-bit integers of `QUANTUM`."""
    return np.rint(np.clip(rotvec, -np.pi, np.pi) / QUANTUM).astype(np.int16)


def radians(quantised: Int16[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """The inverse of `quantise`, float32."""
    return (quantised * QUANTUM).astype(np.float32)


def summary(body: Float[ndarray, "N 63"], right_hand: Float[ndarray, "M 45"]) -> dict[str, ndarray]:
    """Mean and covariance of body poses with their mirror images, and of right-hand poses.

    `FLOOR` squared is added to every variance: head and neck, or finger hinges, would otherwise make it singular.
    """
    moments = {}
    for name, poses in (("body", np.concatenate([body, flip_body_pose(body)])), ("hand", right_hand)):
        moments[f"{name}_mean"] = poses.mean(axis=0).astype(np.float32)
        moments[f"{name}_cov"] = (np.cov(poses.T) + FLOOR**2 * np.eye(poses.shape[1])).astype(np.float32)
    return moments
