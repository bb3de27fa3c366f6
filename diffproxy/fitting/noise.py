"""What is believed of every residual's error: how large it is, and where robustness sets in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.effective_sample_size import correlation_inflation, independence_ratio
from diffproxy.fitting.state import State
from diffproxy.fitting.terms.reprojection import Noise, Observations, Reprojection
from diffproxy.geometry.robust import rayleigh_sigma

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
    hand, outline = seen.on_hand.cpu().numpy(), seen.silhouette_rows.cpu().numpy()
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
    beside = (given & seen.measures_both).any(1, keepdim=True) & ~seen.silhouette_rows
    sigma = torch.where(
        beside, noise.sigma * correlation_inflation(noise.sigma, config.independent_pixels), noise.sigma
    )
    wide = (KERNEL_SIGMAS * seen.given_sigma).clamp(min=kernel)
    return Noise(torch.where(given, seen.given_sigma, sigma), torch.where(given, wide, noise.kernel))


def _with_silhouettes(seen: Observations, sigma: Tensor, kernel: Tensor) -> Noise:
    rows = seen.silhouette_rows
    return Noise(sigma.masked_fill(rows, SILHOUETTE_SIGMA), kernel.masked_fill(rows, SILHOUETTE_KERNEL))


UNINFORMATIVE = 1e3
"""Metres: the deviation of rows that are left out of covariances."""


def covariance_noise(data: Reprojection, state: State, config: FitConfig) -> Noise:
    """The noise with which normal matrices are inverted to covariances: pixels count as they are independent."""
    noise, given = noise_level(data, state, config, 0.0), data.observations.stated_sigma
    sigma = noise.sigma / independence_ratio(data, state, noise, config.independent_pixels).sqrt()
    sigma = torch.where(given > 0, noise.sigma, sigma)
    # silhouettes constrain roughly where an unobserved limb is not; they say nothing of how well it is known
    outline = data.observations.silhouette_rows & (given == 0)
    return Noise(sigma.masked_fill(outline, UNINFORMATIVE), noise.kernel)
