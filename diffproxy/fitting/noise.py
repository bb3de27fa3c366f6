"""What is believed of every residual's error: how large it is, and where robustness sets in."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.state import State
from diffproxy.fitting.terms.reprojection import Noise, Observations, Reprojection
from diffproxy.geometry.robust import rayleigh_sigma

KERNEL_SIGMAS = 4.0
"""Robust scale of the last stage, in standard deviations of the noise found."""
OUTLINE_SIGMA, OUTLINE_KERNEL = 0.05, 0.2
"""Noise of outlines, metres, and where robustness sets in: an occluder may hide an arm."""


def noise_level(data: Reprojection, state: State, config: FitConfig, kernel: float) -> Noise:
    """A fixed robust scale (metres), or with 0 the noise found in the residuals: of hands and of the rest."""
    seen = data.seen
    if kernel > 0:
        scale = torch.full_like(seen.weight, kernel)
        return _with_outline(seen, scale / 3, scale)
    distance, weight = data.distances(state).double().cpu().numpy(), seen.weight.double().cpu().numpy()
    hand, outline = seen.on_hand.cpu().numpy(), outline_rows(seen).cpu().numpy()
    sigma = np.full_like(distance, config.sigma_floor)
    for b in range(len(distance)):
        for group in (hand[b], ~hand[b]):
            rows = group & (weight[b] > 0) & ~outline[b]
            if rows.any():
                found = rayleigh_sigma(distance[b][rows], weight[b][rows])
                sigma[b][group] = np.clip(found, config.sigma_floor, config.max_sigma)
    spread = torch.as_tensor(sigma, dtype=seen.weight.dtype, device=seen.weight.device)
    return _with_outline(seen, spread, KERNEL_SIGMAS * spread)


def _with_outline(seen: Observations, sigma: Tensor, kernel: Tensor) -> Noise:
    rows = outline_rows(seen)
    return Noise(sigma.masked_fill(rows, OUTLINE_SIGMA), kernel.masked_fill(rows, OUTLINE_KERNEL))


def outline_rows(seen: Observations) -> Bool[Tensor, "B N"]:
    """Observations that come from the foreground's outline."""
    return torch.zeros_like(seen.on_hand) if seen.outline is None else seen.outline
