"""Robust losses on squared residuals, and the noise level of a set of residuals."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

ArrayT = TypeVar("ArrayT", np.ndarray, Tensor)


def geman_mcclure(square: ArrayT, scale: ArrayT | float) -> tuple[ArrayT, ArrayT]:
    """Geman-McClure loss `r² / (1 + r²/c²)`, at most c².

    Args:
        square: Squared residuals r² of any shape; numpy or torch.
        scale: c, the residual at which the loss saturates; a number, or an array that broadcasts.

    Returns:
        The loss, and its derivative by r²: the weight of iteratively reweighted least squares.
    """
    ratio = 1.0 / (1.0 + square / scale**2)
    return square * ratio, ratio**2


QUANTILE = 0.3
"""Of the residual lengths, for the noise level: a low one, so that even 50 % outliers do not double it."""


def rayleigh_sigma(distance: Float[np.ndarray, " N"], weight: Float[np.ndarray, " N"]) -> float:
    """Noise level of 2D residuals with outliers, from a weighted quantile of their lengths.

    Args:
        distance: (N,) lengths of the residuals.
        weight: (N,) non-negative weights.

    Returns:
        Standard deviation along each axis, in the unit of `distance`.
    """
    finite = np.isfinite(distance) & (weight > 0)
    if not finite.any():
        return float("inf")
    d, w = distance[finite], weight[finite]
    order = np.argsort(d)
    cumulated = np.cumsum(w[order])
    quantile = d[order[np.searchsorted(cumulated, QUANTILE * cumulated[-1])]]
    return float(quantile / np.sqrt(-2 * np.log(1 - QUANTILE)))
