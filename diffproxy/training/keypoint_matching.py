"""Keeps the keypoints of a MoveNet encoder while its deep half is trained for dense proxies."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.encoders.movenet import MoveNet


class KeypointMatching(nn.Module):
    """Difference between the joint maps of an encoder and those of the published network.

    The keypoints join the fit, and MoveNet has learnt them from real people; training on rendered ones alone would
    lose that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.published = MoveNet().load_published().requires_grad_(False).eval()

    def forward(self, images: Float[Tensor, "N 3 H W"], joint_maps: dict[str, Tensor]) -> Float[Tensor, ""]:
        """Mean over the heads of the squared difference, in units of the published map's variance over the batch.

        Args:
            images: RGB in [0, 1].
            joint_maps: The encoder's maps of these images, see `MoveNetOutput.heads`.
        """
        with torch.no_grad():
            wanted = self.published(images * 2.0 - 1.0).heads
        losses = [(joint_maps[k] - v).square().mean() / v.var() for k, v in wanted.items()]
        return torch.stack(losses).mean()
