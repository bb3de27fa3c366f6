"""Rotations in torch: RoMa's conversions, and Jacobians of the exponential map of SO(3), which it does not provide.

RoMa is imported by the first conversion: it loads torch's compiler, which takes as long as torch itself.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def rotvec_to_rotmat(rotvec: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Axis-angle (radians) to matrices."""
    import roma

    return roma.rotvec_to_rotmat(rotvec)


def rotmat_to_rotvec(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 3"]:
    """Matrices to axis-angle (radians), angle in [0, pi]."""
    import roma

    return roma.rotmat_to_rotvec(matrix)


def unitquat_to_rotmat(xyzw: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 3 3"]:
    """Unit quaternions (scalar last) to matrices."""
    import roma

    return roma.unitquat_to_rotmat(xyzw)


def hat(v: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """The matrix of `v ×`: `hat(v) @ a == cross(v, a)`."""
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).unflatten(-1, (3, 3))


def left_jacobian(rotvec: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Left Jacobian of SO(3): `exp(rotvec + d) ≈ exp(J d) exp(rotvec)` for small d.

    Args:
        rotvec: (..., 3) axis-angle, radians.

    Returns:
        (..., 3, 3).
    """
    square = (rotvec * rotvec).sum(-1)[..., None, None]
    small = square < 1e-4
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    a = torch.where(small, 0.5 - square / 24, (1 - angle.cos()) / safe)
    b = torch.where(small, 1 / 6 - square / 120, (angle - angle.sin()) / (safe * angle))
    W = hat(rotvec)
    return torch.eye(3, dtype=W.dtype, device=W.device) + a * W + b * (W @ W)


def left_jacobian_inverse(rotvec: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Inverse of `left_jacobian`; finite for angles below 2 pi."""
    square = (rotvec * rotvec).sum(-1)[..., None, None]
    small = square < 1e-4
    safe = torch.where(small, torch.ones_like(square), square)
    half = 0.5 * safe.sqrt()
    b = torch.where(small, 1 / 12 + square / 720, (1 - half * half.cos() / half.sin()) / safe)
    W = hat(rotvec)
    return torch.eye(3, dtype=W.dtype, device=W.device) - 0.5 * W + b * (W @ W)
