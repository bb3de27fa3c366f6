"""How sure a fit is of the joints: their deviation, from the normal matrix of the fit."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.body.names import BODY_JOINTS
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.observed import UNOBSERVED
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.state import Free, State
from diffproxy.fitting.terms.reprojection import Normal

MANY = 4
"""Cameras that support a joint from which on more of them do not make a stated deviation more trustworthy."""


def joint_jacobian(skeleton: Skeleton, state: State, free: Free) -> Float[Tensor, "B 55 3 P"]:
    """Derivative of world joint positions (metres) by the tangent of `free`."""
    pose = skeleton.pose(state)
    scale = state.log_scale.exp()[:, None, None, None]
    B = len(state.betas)
    parts = []
    if free.joints:
        joints = torch.tensor(free.joints, device=state.betas.device)
        arm = pose.centers[:, None] - pose.centers[:, joints, None]  # (B, A, 55, 3)
        arm = arm * skeleton.descendants[joints][None, :, :, None]
        # d × arm, one column per axis of d, then d from the parent's frame
        axes = torch.eye(3, dtype=arm.dtype, device=arm.device)
        columns = torch.linalg.cross(
            axes.expand(*arm.shape[:3], 3, 3), arm[..., None, :].expand(-1, -1, -1, 3, -1)
        )
        turned = columns.transpose(-1, -2) @ pose.R_body_parent[:, joints, None]
        parts.append(turned.permute(0, 2, 3, 1, 4).flatten(3) * scale)
    if free.betas:
        parts.append(pose.d_centers_d_betas * scale)
    if free.scale:
        parts.append(pose.centers[..., None] * scale)
    if free.transl:
        parts.append(torch.eye(3, dtype=scale.dtype, device=scale.device).expand(B, 55, 3, 3))
    return torch.cat(parts, dim=-1)


def joint_std(normal: Normal, skeleton: Skeleton, state: State, free: Free) -> Float[Tensor, "B 55"]:
    """Root of the trace of each joint's position covariance, metres; infinite where the normal matrix is singular."""
    H = torch.nan_to_num(normal.H.double())
    trace = H.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None]
    H = H + (1e-10 * trace + 1e-12) * torch.eye(H.shape[-1], dtype=H.dtype, device=H.device)
    J = joint_jacobian(skeleton, state, free).double().flatten(1, 2)
    factor, failed = torch.linalg.cholesky_ex(H)
    factor = torch.where(
        (failed != 0)[:, None, None], torch.eye(H.shape[-1], dtype=H.dtype, device=H.device), factor
    )
    half = torch.linalg.solve_triangular(factor, J.transpose(1, 2), upper=False)
    variance = half.square().sum(1).unflatten(1, (-1, 3)).sum(-1)
    std = torch.where((failed != 0)[:, None], torch.inf, variance.sqrt())
    return std.to(normal.H.dtype)


def calibrated(
    std: Float[np.ndarray, "55"],
    observed: Float[np.ndarray, "55"],
    cameras: Int[np.ndarray, "55"],
    config: FitConfig,
) -> Float[np.ndarray, "55"]:
    """`joint_std` with the errors that residuals do not show, by the factors of `config`.

    Args:
        std: Deviations by the covariance of the fit, metres.
        observed: `joint_observed`.
        cameras: `joint_cameras`.
        config: `std_scale` and what follows it.
    """
    # What one camera shows alone may be nobody's; where nothing has a second camera, the covariance knows of the depth.
    least = 2 if cameras.max() <= 1 else 1
    few = (MANY / np.clip(cameras, least, MANY)) ** config.few_cameras_power
    unseen = 1 + config.unseen_std * (observed[BODY_JOINTS] < UNOBSERVED).mean()
    scale = np.where(observed >= UNOBSERVED, config.std_scale * few * unseen, config.unobserved_std_scale)
    return np.hypot(scale * std, config.shared_std).astype(std.dtype)
