"""Rotations as stacks of 3x3 matrices in numpy, by scipy: conversions, interpolation, swing and twist."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation


def to_matrix(rotvec: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3 3"]:
    """Axis-angle (radians) to matrices."""
    flat = np.asarray(rotvec, dtype=np.float64).reshape(-1, 3)
    return Rotation.from_rotvec(flat).as_matrix().reshape(*rotvec.shape, 3)


def to_rotvec(matrix: Float[ndarray, "*batch 3 3"]) -> Float[ndarray, "*batch 3"]:
    """Matrices to axis-angle (radians), angle in [0, pi]."""
    flat = np.asarray(matrix, dtype=np.float64).reshape(-1, 3, 3)
    return Rotation.from_matrix(flat).as_rotvec().reshape(matrix.shape[:-1])


def from_quaternion(wxyz: Float[ndarray, "*batch 4"]) -> Float[ndarray, "*batch 3 3"]:
    """Quaternions (scalar first, any length above zero) to matrices."""
    flat = np.asarray(wxyz, dtype=np.float64).reshape(-1, 4)
    return Rotation.from_quat(flat[:, [1, 2, 3, 0]]).as_matrix().reshape(*wxyz.shape[:-1], 3, 3)


def axis_rotation(axis: int, angle: float) -> Float[ndarray, "3 3"]:
    """Rotation by `angle` (radians) about coordinate axis 0, 1 or 2."""
    vector = np.zeros(3)
    vector[axis] = angle
    return to_matrix(vector)


def rotation_angle(A: Float[ndarray, "*B 3 3"], B: Float[ndarray, "*B 3 3"]) -> Float[ndarray, "*B"]:
    """Angle of the rotation between A and B, radians, in [0, pi]."""
    return np.asarray(np.arccos(np.clip((np.einsum("...ij,...ij->...", A, B) - 1) / 2, -1, 1)))


def swing_twist(
    matrix: Float[ndarray, "F 3 3"], axis: Float[ndarray, "3"]
) -> tuple[Float[ndarray, "F 3 3"], Float[ndarray, " F"]]:
    """Decompose rotations as `swing @ twist`.

    Args:
        matrix: (F, 3, 3) rotations.
        axis: (3,) unit axis of the twist.

    Returns:
        Swing (F, 3, 3), and twist angles (F,) in radians, in (-pi, pi].
    """
    unit = axis / np.linalg.norm(axis)
    quat = Rotation.from_matrix(matrix).as_quat()
    angle = 2 * np.arctan2(quat[:, :3] @ unit, quat[:, 3])
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    return matrix @ to_matrix(-angle[:, None] * unit), angle


def slerp(
    start: Float[ndarray, "F 3 3"], end: Float[ndarray, "F 3 3"], fraction: float
) -> Float[ndarray, "F 3 3"]:
    """Spherical linear interpolation.

    Args:
        start: (F, 3, 3) rotations at fraction 0.
        end: (F, 3, 3) rotations at fraction 1.
        fraction: In [0, 1].

    Returns:
        (F, 3, 3) rotations.
    """
    step = to_rotvec(start.transpose(0, 2, 1) @ end)
    return start @ to_matrix(fraction * step)
