"""The paper's Eq. 6 and 7 in the terms of this fitter: `sum W d²`, d in pixels, plus `lambda` times the prior's loss.

The data term here is `sum w r² / sigma² / 2` with r in metres at the subject. With sigma the size of a pixel over the
root of two, and a robust scale far beyond any residual, it is the sum of squared distances in pixels.
"""

from __future__ import annotations

import math

import torch

from diffproxy.fitting.terms.reprojection import Noise, Observations
from diffproxy.pose_prior import sde

PAPER_SIDE = 256
"""Pixels of the paper's proxies (section 3.2)."""
NO_KERNEL = 1e6
"""Metres: the robust loss of a residual under 1 km differs from its square by less than a millionth."""


def eq6_factor(side: int) -> float:
    """Factor on the weights of maps of another side: they have fewer pixels, and d counts fewer of them."""
    return (PAPER_SIDE / side) ** 4


def squared_pixels(observations: Observations) -> Noise:
    """Noise under which the data term is Eq. 6."""
    sigma = observations.metres_per_pixel / math.sqrt(2)
    return Noise(sigma, torch.full_like(sigma, NO_KERNEL))


def published_weight(t: float) -> float:
    """DPoser-X's weight of the squared difference of pose and denoised pose: `0.5 sqrt(1 + (alpha / sigma)²)`."""
    return 0.5 * (1 + float(sde.spread(torch.tensor(t))) ** -2) ** 0.5
