"""Random tensors with one row for each of a number of people."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Draws:
    """Draws for `count` people; the order of the calls decides which random numbers each gets."""

    count: int
    random: torch.Generator

    def uniform(self, low: float, high: float, *shape: int) -> Float[Tensor, "N ..."]:
        """Even in [low, high)."""
        return low + (high - low) * torch.rand(self.count, *shape, generator=self.random)

    def normal(self, *shape: int) -> Float[Tensor, "N ..."]:
        """Of mean 0 and deviation 1."""
        return torch.randn(self.count, *shape, generator=self.random)

    def chance(self, share: float | Tensor, *shape: int) -> Bool[Tensor, "N ..."]:
        """True for this share."""
        return torch.rand(self.count, *shape, generator=self.random) < share

    def index(self, size: int) -> Int[Tensor, " N"]:
        """Whole numbers from 0, below `size`."""
        return torch.randint(size, (self.count,), generator=self.random)
