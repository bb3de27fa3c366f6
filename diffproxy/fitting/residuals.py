"""The data term: reprojection residuals of surface points, in metres at the subject, and its normal equations.

A pixel's residual is `(projection - pixel) * metres_per_pixel`: metres on the fronto-parallel plane through the
subject. So a hand crop with five times the zoom does not count its pixels five times as heavy, and one noise level
(how well the proxies know the surface) serves all views.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.fitting.robust import geman_mcclure
from diffproxy.fitting.skeleton import Pose, Skeleton
from diffproxy.fitting.state import Free, State
from diffproxy.fitting.surface import Posed, SurfacePoints

MIN_DEPTH = 0.05
"""Metres; a point nearer to a camera than this, or behind it, does not count."""


@dataclass(frozen=True)
class Observations:
    """Correspondences of B subjects as tensors, padded to N with weight 0. `P` maps world metres to pixels."""

    faces: Int64[Tensor, "B N"]
    bary: Float[Tensor, "B N 3"]
    pixels: Float[Tensor, "B N 2"]
    weight: Float[Tensor, "B N"]
    P: Float[Tensor, "B N 3 4"]
    metres_per_pixel: Float[Tensor, "B N"]
    on_hand: Bool[Tensor, "B N"]
    outline: Bool[Tensor, "B N"] | None = None
    """Rows that come from the foreground's outline, not from labels."""


@dataclass(frozen=True)
class Noise:
    """What is believed of every residual's error, metres: standard deviation per axis, and where robustness sets in."""

    sigma: Float[Tensor, "B N"]
    kernel: Float[Tensor, "B N"]


@dataclass(frozen=True)
class Normal:
    """A quadratic model of a cost around the current state: `cost + g·d + d·H·d / 2`."""

    H: Float[Tensor, "B P P"]
    g: Float[Tensor, "B P"]
    cost: Float[Tensor, "B"]


class Reprojection:
    """The data term of a fit."""

    def __init__(
        self, body: BodyModel, skeleton: Skeleton, seen: Observations, expression: Tensor | None = None
    ):
        self.seen, self.skeleton = seen, skeleton
        self.surface = SurfacePoints(body, seen.faces, seen.bary, expression)

    def points(self, state: State, by_betas: bool = False) -> tuple[Float[Tensor, "B N 3"], Posed, Pose]:
        """World points, with the pieces that the Jacobian needs."""
        pose = self.skeleton.pose(state, by_betas)
        posed = self.surface.pose(state, pose)
        return state.log_scale.exp()[:, None, None] * posed.points + state.transl[:, None], posed, pose

    def project(self, world: Float[Tensor, "B N 3"]) -> tuple[Float[Tensor, "B N 2"], Float[Tensor, "B N"]]:
        """Residuals in metres, and depths in metres."""
        P = self.seen.P
        h = (P[..., :3] @ world[..., None])[..., 0] + P[..., 3]
        depth = h[..., 2]
        uv = h[..., :2] / depth.clamp_min(MIN_DEPTH)[..., None]
        return (uv - self.seen.pixels) * self.seen.metres_per_pixel[..., None], depth

    def distances(self, state: State) -> Float[Tensor, "B N"]:
        """Length of every residual in metres; infinite behind a camera."""
        residual, depth = self.project(self.points(state)[0])
        return torch.where(depth > MIN_DEPTH, residual.norm(dim=-1), torch.inf)

    def jacobian(self, state: State, free: Free) -> tuple[Tensor, Tensor, Tensor]:
        """Residuals (B,N,2) in metres, their derivatives (B,N,2,P) by the tangent of `free`, depths (B,N)."""
        world, posed, pose = self.points(state, free.betas)
        residual, depth = self.project(world)
        P, unit = self.seen.P, self.seen.metres_per_pixel[..., None, None]
        uv = residual / unit[..., 0] + self.seen.pixels
        rows = (P[..., :2, :3] - uv[..., None] * P[..., 2:, :3]) * (
            unit / depth.clamp_min(MIN_DEPTH)[..., None, None]
        )
        scale = state.log_scale.exp()[:, None, None, None]
        parts = [self.surface.pull(rows * scale, posed, state, pose, self.skeleton.below, free)]
        if free.scale:
            parts.append(rows @ (world - state.transl[:, None])[..., None])
        if free.transl:
            parts.append(rows)
        return residual, torch.cat(parts, dim=-1), depth

    def weights(
        self, residual: Tensor, depth: Tensor, noise: Noise
    ) -> tuple[Float[Tensor, "B N"], Float[Tensor, "B N"]]:
        """Per point: weighted robust loss and reweighting factor, both over sigma²."""
        rho, factor = geman_mcclure(residual.square().sum(-1), noise.kernel)
        ahead = depth > MIN_DEPTH
        weight = self.seen.weight / noise.sigma.square()
        rho = torch.where(ahead, rho, noise.kernel.square())
        return weight * rho, weight * torch.where(ahead, factor, torch.zeros_like(factor))

    def cost(self, state: State, noise: Noise) -> Float[Tensor, "B"]:
        """`sum w rho / sigma² / 2`, without units."""
        residual, depth = self.project(self.points(state)[0])
        return 0.5 * self.weights(residual, depth, noise)[0].sum(-1)

    def linearise(self, state: State, free: Free, noise: Noise) -> Normal:
        """Gauss-Newton model of `cost` around `state`."""
        residual, J, depth = self.jacobian(state, free)
        rho, factor = self.weights(residual, depth, noise)
        root = factor.sqrt()[..., None]
        A = (J * root[..., None]).flatten(1, 2)
        b = (residual * root).flatten(1)
        At = A.transpose(1, 2)
        return Normal(At @ A, (At @ b[..., None])[..., 0], 0.5 * rho.sum(-1))
