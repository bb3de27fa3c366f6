"""How sure a fit is: the noise of pixels, how many of them are independent, and the deviation of the joints."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.observed import UNOBSERVED
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.state import Free, State
from diffproxy.fitting.terms.reprojection import Noise, Normal, Observations, Reprojection
from diffproxy.geometry.robust import rayleigh_sigma


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
    std: Float[np.ndarray, "55"], observed: Float[np.ndarray, "55"], config: FitConfig
) -> Float[np.ndarray, "55"]:
    """`joint_std` with the errors that residuals do not show, by the factors of `config`."""
    scale = np.where(observed >= UNOBSERVED, config.std_scale, config.unobserved_std_scale)
    return np.hypot(scale * std, config.shared_std).astype(std.dtype)


# What is believed of every residual's error: how large it is, and where robustness sets in.


KERNEL_SIGMAS = 4.0
"""Robust scale of the last stage, in standard deviations of the noise found."""
SILHOUETTE_SIGMA, SILHOUETTE_KERNEL = 0.05, 0.2
"""Noise of outlines, metres, and where robustness sets in: an occluder may hide an arm."""


def noise_level(data: Reprojection, state: State, config: FitConfig, kernel: float) -> Noise:
    """A fixed robust scale (metres), or with 0 the noise found in the residuals: of hands and of the rest."""
    seen = data.observations
    if kernel > 0:
        scale = torch.full_like(seen.weight, kernel)
        return _with_keypoints(seen, _with_silhouettes(seen, scale / 3, scale), config, kernel)
    distance, weight = data.distances(state).double().cpu().numpy(), seen.weight.double().cpu().numpy()
    hand, outline = seen.on_hand.cpu().numpy(), silhouette_rows(seen).cpu().numpy()
    sigma = np.full_like(distance, config.sigma_floor)
    for b in range(len(distance)):
        for group in (hand[b], ~hand[b]):
            rows = group & (weight[b] > 0) & ~outline[b]
            if rows.any():
                found = rayleigh_sigma(distance[b][rows], weight[b][rows])
                sigma[b][group] = np.clip(found, config.sigma_floor, config.max_sigma)
    spread = torch.as_tensor(sigma, dtype=seen.weight.dtype, device=seen.weight.device)
    return _with_keypoints(seen, _with_silhouettes(seen, spread, KERNEL_SIGMAS * spread), config, 0.0)


def _with_keypoints(seen: Observations, noise: Noise, config: FitConfig, kernel: float) -> Noise:
    """Rows that state a deviation keep it; beside keypoints, pixels weigh like as many as are independent."""
    if seen.given_sigma is None:
        return noise
    given = seen.given_sigma > 0
    beside = (given & seen.measures_both).any(1, keepdim=True) & ~silhouette_rows(seen)
    sigma = torch.where(
        beside, noise.sigma * correlation_inflation(noise.sigma, config.independent_pixels), noise.sigma
    )
    wide = (KERNEL_SIGMAS * seen.given_sigma).clamp(min=kernel)
    return Noise(torch.where(given, seen.given_sigma, sigma), torch.where(given, wide, noise.kernel))


def _with_silhouettes(seen: Observations, sigma: Tensor, kernel: Tensor) -> Noise:
    rows = silhouette_rows(seen)
    return Noise(sigma.masked_fill(rows, SILHOUETTE_SIGMA), kernel.masked_fill(rows, SILHOUETTE_KERNEL))


def silhouette_rows(seen: Observations) -> Bool[Tensor, "B N"]:
    """Observations that come from the foreground's outline."""
    return torch.zeros_like(seen.on_hand) if seen.is_silhouette is None else seen.is_silhouette


def given_sigma(seen: Observations) -> Float[Tensor, "B N"]:
    """Stated deviations of the rows, metres; 0 where they are estimated."""
    return torch.zeros_like(seen.weight) if seen.given_sigma is None else seen.given_sigma


UNINFORMATIVE = 1e3
"""Metres: the deviation of rows that are left out of covariances."""


def covariance_noise(data: Reprojection, state: State, config: FitConfig) -> Noise:
    """The noise with which normal matrices are inverted to covariances: pixels count as they are independent."""
    noise, given = noise_level(data, state, config, 0.0), given_sigma(data.observations)
    sigma = noise.sigma / independence_ratio(data, state, noise, config.independent_pixels).sqrt()
    sigma = torch.where(given > 0, noise.sigma, sigma)
    # silhouettes constrain roughly where an unobserved limb is not; they say nothing of how well it is known
    outline = silhouette_rows(data.observations) & (given == 0)
    return Noise(sigma.masked_fill(outline, UNINFORMATIVE), noise.kernel)


# How many independent measurements a view's pixels amount to, read from the residuals themselves.


REACH = 0.3
"""Metres on the plane through the subject, within which errors are taken to go together."""
ABSORBED = 3.0
"""How much more independent smooth errors look after a fit than before (2 cm over a body part, 4 views)."""
FEWEST = 20
"""Views with fewer pixels do not say."""


def independent_count(residual: Float[np.ndarray, "N 2"], place: Float[np.ndarray, "N 2"]) -> float:
    """Of N residuals at N places (metres, one view): `N / (1 + sum of correlations with the others nearby)`.

    The variance of a mean of N correlated values over that of one: the effective sample size of statistics. Between 1
    and N: anticorrelation, which fitting itself leaves, is not taken for extra information.
    """
    near = np.square(place[:, None] - place[None]).sum(-1) < REACH**2
    together = (near * (residual @ residual.T)).sum() / max(np.square(residual).sum(), 1e-30)
    return float(np.clip(len(residual) / max(together, 1.0), 1.0, len(residual)))


def independence_ratio(data: Reprojection, state: State, noise: Noise, assumed: int) -> Float[Tensor, "B 1"]:
    """Of each subject: independent measurements over those that the fit counted (`assumed` a view at most); 1 or more.

    A fit bends towards errors that are smooth, so what it leaves looks more independent than it is: hence `ABSORBED`.
    """
    residual = data.project(data.points(state)[0])[0]
    place = data.observations.pixels * data.observations.metres_per_pixel[..., None]
    used = (
        (data.observations.weight > 0)
        & ~silhouette_rows(data.observations)
        & (residual.norm(dim=-1) < noise.kernel)
    )
    out = torch.ones(len(residual), 1, dtype=residual.dtype, device=residual.device)
    for b in range(len(residual)):
        found = counted = 0.0
        for v in data.observations.view[b].unique():
            rows = used[b] & (data.observations.view[b] == v)
            if (n := int(rows.sum())) >= FEWEST:
                found += independent_count(*(x[b][rows].double().cpu().numpy() for x in (residual, place)))
                counted += min(n, assumed)
        if counted:
            out[b] = max(1.0, found / counted / ABSORBED)
    return out


FINE = 0.01
"""Metres up to which errors are taken for those of single pixels."""
PARTS = 15
"""Of a body: independent observations that are left of a view with errors of centimetres."""


def correlation_inflation(sigma: Float[Tensor, "*B"], independent: int) -> Float[Tensor, "*B"]:
    """Factor on sigma (metres) for the correlation of a view's pixels, whose weights sum to `independent`.

    Errors of centimetres are those of whole parts, not of pixels: a network that turns an arm turns all of it. Such a
    view counts as one observation for each part, however many pixels it has.
    """
    count = (independent * FINE / sigma).clamp(min=min(PARTS, independent), max=independent)
    return (independent / count).sqrt()
