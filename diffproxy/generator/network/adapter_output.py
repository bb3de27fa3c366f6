"""What adapters get of several views, and what they give to the UNet."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.generator.coarse_posterior import CoarsePosterior


@dataclass(frozen=True)
class AdapterOutput:
    """Features for the UNet and dense maps at proxy resolution (None without a dense head).

    Args:
        features: `features[i]` is added in UNet down block i.
        dense_logits: Scores of all part labels, background 0.
        dense_uv: Coordinates, unbounded but trained for [0, 1].
        dense_log_scale: Logarithm of the error scale of (u, v) on the surface: b in metres of an isotropic Laplace
            density exp(-d / b) of distances d in the plane, with standard deviation sqrt(3) b along each axis.
        coarse_posterior: The dense prediction as a distribution of both proxy images, detached; the UNet starts
            from it.
    """

    features: list[Tensor] = field(default_factory=list)
    dense_logits: Float[Tensor, "N L P P"] | None = None
    dense_uv: Float[Tensor, "N 2 P P"] | None = None
    dense_log_scale: Float[Tensor, "N 1 P P"] | None = None
    coarse_posterior: CoarsePosterior | None = None


@dataclass(frozen=True)
class MultiviewBatch:
    """Rows of a batch as G groups of V views: rays of the coarsest cells, and the attention mask between them."""

    groups: int
    views: int
    rays: Float[Tensor, "G 1 L 6"] | None = None  # L = V cells
    mask: Bool[Tensor, "G 1 L L"] | None = None
