"""Rotation algebra: stacks of 3x3 matrices in numpy, and the Jacobians of the exponential in torch."""

from __future__ import annotations

import numpy as np
import roma
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor


def to_matrix(rotvec: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3 3"]:
    """Axis-angle (radians) to matrices."""
    return roma.rotvec_to_rotmat(_tensor(rotvec)).numpy()


def to_rotvec(matrix: Float[ndarray, "*batch 3 3"]) -> Float[ndarray, "*batch 3"]:
    """Matrices to axis-angle (radians), angle in [0, pi]."""
    return roma.rotmat_to_rotvec(_tensor(matrix)).numpy()


def from_quaternion(wxyz: Float[ndarray, "*batch 4"]) -> Float[ndarray, "*batch 3 3"]:
    """Quaternions (scalar first, any length above zero) to matrices."""
    unit = wxyz / np.linalg.norm(wxyz, axis=-1, keepdims=True)
    return roma.unitquat_to_rotmat(_tensor(unit[..., [1, 2, 3, 0]])).numpy()


def swing(start: Float[ndarray, "3"], end: Float[ndarray, "3"]) -> Float[ndarray, "3 3"]:
    """The shortest rotation that turns the direction `start` into `end`; opposite directions turn about z."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis, cosine = np.cross(a, b), float(a @ b)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        return np.eye(3) if cosine > 0 else to_matrix(np.array([0.0, 0.0, np.pi]))
    return to_matrix(axis / sine * np.arctan2(sine, cosine))


def split_twist(
    matrix: Float[ndarray, "F 3 3"], axis: Float[ndarray, "3"]
) -> tuple[Float[ndarray, "F 3 3"], Float[ndarray, "F"]]:
    """Write each rotation as `swing @ twist`: the swing, and the twist angle (radians, in (-pi, pi]) about `axis`."""
    unit = axis / np.linalg.norm(axis)
    quat = roma.rotmat_to_unitquat(_tensor(matrix)).numpy()
    angle = 2 * np.arctan2(quat[:, :3] @ unit, quat[:, 3])
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    return matrix @ to_matrix(-angle[:, None] * unit), angle


def part_way(
    start: Float[ndarray, "F 3 3"], end: Float[ndarray, "F 3 3"], fraction: float
) -> Float[ndarray, "F 3 3"]:
    """Spherical interpolation from `start` (fraction 0) to `end` (fraction 1)."""
    step = to_rotvec(start.transpose(0, 2, 1) @ end)
    return start @ to_matrix(fraction * step)


def about(axis: int, angle: float) -> Float[ndarray, "3 3"]:
    """Rotation by `angle` (radians) about coordinate axis 0, 1 or 2."""
    vector = np.zeros(3)
    vector[axis] = angle
    return to_matrix(vector)


def _tensor(array: ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))


# The few rotation formulas that RoMa does not have: cross-product matrices and the Jacobians of the exponential.


def hat(v: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """The matrix of `v ×`: `hat(v) @ a == cross(v, a)`."""
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).unflatten(-1, (3, 3))


def left_jacobian(rotvec: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """`J` with `exp(rotvec + d) ≈ exp(J d) exp(rotvec)`, d small; radians."""
    square = (rotvec * rotvec).sum(-1)[..., None, None]
    small = square < 1e-4
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    a = torch.where(small, 0.5 - square / 24, (1 - angle.cos()) / safe)
    b = torch.where(small, 1 / 6 - square / 120, (angle - angle.sin()) / (safe * angle))
    W = hat(rotvec)
    return torch.eye(3, dtype=W.dtype, device=W.device) + a * W + b * (W @ W)


def left_jacobian_inverse(rotvec: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Inverse of `left_jacobian`, finite for angles up to pi (and beyond, short of 2 pi)."""
    square = (rotvec * rotvec).sum(-1)[..., None, None]
    small = square < 1e-4
    safe = torch.where(small, torch.ones_like(square), square)
    half = 0.5 * safe.sqrt()
    b = torch.where(small, 1 / 12 + square / 720, (1 - half * half.cos() / half.sin()) / safe)
    W = hat(rotvec)
    return torch.eye(3, dtype=W.dtype, device=W.device) - 0.5 * W + b * (W @ W)
