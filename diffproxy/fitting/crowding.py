"""How many of a view's pixels are independent witnesses."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

FINE = 0.01
"""Metres up to which errors are taken for those of pixels."""
PARTS = 15
"""Of a body: the witnesses that are left of a view whose errors are coarse."""


def crowding(sigma: Float[Tensor, "*B"], independent: int) -> Float[Tensor, "*B"]:
    """Factor on sigma (metres) for what pixels have in common, where a view's weights sum to `independent`.

    Errors of centimetres are those of whole parts, not of pixels: a network that turns an arm turns all of it. Such a
    view says as much as its parts, whatever its pixels.
    """
    count = (independent * FINE / sigma).clamp(min=min(PARTS, independent), max=independent)
    return (independent / count).sqrt()
