"""`PosePrior`: a denoising network with its normaliser, for SMPL-X poses in radians."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.body.flip import ROTVEC_SIGNS
from diffproxy.pose_prior import sde
from diffproxy.pose_prior.network import BODY, HAND, WholeBodyNet
from diffproxy.utils.checked import checked
from diffproxy.utils.options import at_least, one_each

POSE_COLUMNS = (*range(3, 66), *range(75, 165))
"""Columns of body, left and right hand in a full pose of 55 x 3 values: no root, jaw or eyes."""


@checked
class PosePrior(nn.Module):
    """Distribution of poses (B, D): D = 63 body, 45 left-hand and 45 right-hand values, or 63; radians, hands relative
    to the flat hand.
    """

    mean: Tensor
    std: Tensor
    signs: Tensor

    def __init__(
        self, net: WholeBodyNet, mean: Float[Tensor, " D"], std: Float[Tensor, " D"], name: str = ""
    ):
        super().__init__()
        self.net, self.name = net, name
        signs = torch.ones(net.dim)
        if net.dim > BODY:
            signs[BODY : BODY + HAND] = torch.tensor(ROTVEC_SIGNS).repeat(HAND // 3)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("signs", signs)

    @property
    def columns(self) -> tuple[int, ...]:
        """Columns of the prior's values in a full pose (165)."""
        return POSE_COLUMNS[: self.net.dim]

    def normalise(self, pose: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """Poses (B, D) in units of the standard deviations of the training poses."""
        self._check(pose)
        return (pose * self.signs - self.mean) / self.std

    def radians(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """Inverse of `normalise`."""
        self._check(x)
        return (x * self.std + self.mean) * self.signs

    def denoise(self, x_t: Float[Tensor, "B D"], t: Float[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """Expected clean pose (B, D) given the noisy one at times t (B,), in one step; normalised units."""
        self._check(x_t)
        return (x_t - sde.sigma(t)[:, None] * self.net(x_t, t)) / sde.alpha(t)[:, None]

    def _check(self, pose: Float[Tensor, "B D"]) -> None:
        one_each("values of a pose", pose.shape[-1], len(self.mean), "column of the prior")

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, steps: int = 150) -> Float[Tensor, "B D"]:
        """Draw poses by deterministic steps from noise at t = 1, evenly spaced in the logarithm of sigma / alpha.

        Args:
            count: Number of poses.
            generator: Source of the noise.
            steps: Number of steps.

        Returns:
            (count, D) poses, radians.
        """
        at_least("count", count, 0)
        at_least("steps", steps, 1)
        like = self.mean
        levels = torch.logspace(2.18, -1.6, steps, dtype=torch.float64)
        times = [sde.time_of(float(s)) for s in levels]
        z = torch.randn(count, len(like), generator=generator).to(like)
        x = z * sde.sigma(torch.tensor(times[0])).to(like)
        for now, after in zip(times, [*times[1:], None], strict=True):
            t = like.new_full((count,), now)
            eps = self.net(x, t)
            clean = (x - sde.sigma(t)[:, None] * eps) / sde.alpha(t)[:, None]
            clean = clean.clamp(-8.0, 8.0)
            if after is None:
                return self.radians(clean)
            eps = (x - sde.alpha(t)[:, None] * clean) / sde.sigma(t)[:, None]
            x = sde.diffuse(clean, like.new_full((count,), after), eps)
        return self.radians(x)
