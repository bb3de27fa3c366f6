"""How many independent measurements a view's pixels amount to, read from the residuals themselves."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.fitting.state import State
from diffproxy.fitting.terms.reprojection import Noise, Reprojection

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
        & ~data.observations.silhouette_rows
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
