"""Rotations between directions, and camera rotations that look at a point."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def rotation_between(start: Float[ndarray, "3"], end: Float[ndarray, "3"]) -> Float[ndarray, "3 3"]:
    """The smallest rotation from one direction to another.

    Args:
        start: (3,) direction, any length above 0.
        end: (3,) direction, any length above 0.

    Returns:
        (3, 3) with `R @ start` parallel to `end`; a half turn for opposite directions.
    """
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis, cosine = np.cross(a, b), float(a @ b)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        if cosine > 0:
            return np.eye(3)
        axis = np.eye(3)[np.abs(a).argmin()]
        axis = axis - (axis @ a) * a
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return cosine * np.eye(3) + sine * cross + (1.0 - cosine) * np.outer((x, y, z), (x, y, z))


def look_at_rotation(
    position: Float[ndarray, "3"],
    target: Float[ndarray, "3"],
    up: tuple[float | int, float | int, float | int] = (0.0, 1.0, 0.0),
) -> Float[ndarray, "3 3"]:
    """Rotation of a camera that looks at a point (OpenCV axes: x right, y down, z forward).

    Args:
        position: (3,) camera centre, world.
        target: (3,) point on the optical axis, world.
        up: Direction that is upwards in the image; not parallel to the optical axis.

    Returns:
        `R_cam_world` (3, 3).
    """
    forward = np.asarray(target, dtype=np.float64) - position
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, up)
    right = right / np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])
