"""The sub-VP diffusion: `x_t = alpha(t) x_0 + sigma(t) z`, t in (0, 1], with beta from 0.1 to 20.

`alpha = exp(-0.25 t² (20 - 0.1) - 0.05 t)` and `sigma = 1 - alpha²`, a standard deviation. `x_t / alpha` is the clean
pose plus noise of standard deviation `spread(t) = sigma / alpha`, in units of the normalised pose.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

BETA_MIN, BETA_MAX = 0.1, 20.0
T_MIN = 1e-5
"""Training draws times from [T_MIN, 1]."""


def alpha(t: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """Factor of the clean pose at time t."""
    return torch.exp(-0.25 * t.square() * (BETA_MAX - BETA_MIN) - 0.5 * t * BETA_MIN)


def sigma(t: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """Standard deviation of the noise at time t."""
    return 1.0 - alpha(t).square()


def spread(t: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """`sigma / alpha`, the noise relative to the clean pose; rises with t."""
    return sigma(t) / alpha(t)


def time_of(spread: float) -> float:
    """The time t at which `sigma / alpha` equals `spread` (> 0)."""
    # sigma / alpha = 1 / alpha - alpha = 2 sinh(-log alpha); the exponent of alpha is a quadratic in t
    exponent = math.asinh(0.5 * spread)
    a, b = 0.25 * (BETA_MAX - BETA_MIN), 0.5 * BETA_MIN
    return min((math.sqrt(b * b + 4 * a * exponent) - b) / (2 * a), 1.0)


def diffuse(
    x0: Float[Tensor, "B D"], t: Float[Tensor, " B"], z: Float[Tensor, "B D"]
) -> Float[Tensor, "B D"]:
    """`x_t` for unit noise z."""
    return alpha(t)[:, None] * x0 + sigma(t)[:, None] * z
