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
from diffproxy.fitting.skeleton import Pose, Skeleton
from diffproxy.fitting.state import Free, State
from diffproxy.fitting.surface import Posed, SurfacePoints
from diffproxy.geometry.robust import geman_mcclure

SINGULAR = 1e-3
"""Determinant below which a matrix leaves one direction out; whitening only stretches otherwise."""
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
    view: Int64[Tensor, "B N"]
    """Map that each row comes from; -1 where it is padding."""
    is_silhouette: Bool[Tensor, "B N"] | None = None
    """Rows of silhouettes or keypoints, whose labels state no part of the body."""
    given_sigma: Float[Tensor, "B N"] | None = None
    """Standard deviation of rows that state one (keypoints), metres; 0: it is estimated."""
    whitening: Float[Tensor, "B N 2 2"] | None = None
    """Matrices that residuals are multiplied by (`whitening.py`); none: residuals count as they are."""
    blocks: tuple[int, ...] = ()
    """Lengths of successive runs of rows that lie on the same limb; none: all rows in one."""

    @property
    def silhouette_rows(self) -> Bool[Tensor, "B N"]:
        """`is_silhouette`, or no row."""
        return torch.zeros_like(self.on_hand) if self.is_silhouette is None else self.is_silhouette

    @property
    def stated_sigma(self) -> Float[Tensor, "B N"]:
        """`given_sigma`, or 0 for all rows."""
        return torch.zeros_like(self.weight) if self.given_sigma is None else self.given_sigma

    @property
    def measures_both(self) -> Bool[Tensor, "B N"]:
        """Rows that measure both directions in the image, not one alone."""
        if self.whitening is None:
            return torch.ones_like(self.on_hand)
        return torch.linalg.det(self.whitening) > SINGULAR


def project_points(
    P: Float[Tensor, "B N 3 4"], world: Float[Tensor, "B N 3"]
) -> tuple[Float[Tensor, "B N 2"], Float[Tensor, "B N"]]:
    """Pixels of world points in their cameras, and depths in metres; below `MIN_DEPTH` the pixels mean nothing."""
    h = (P[..., :3] @ world[..., None])[..., 0] + P[..., 3]
    return h[..., :2] / h[..., 2:].clamp_min(MIN_DEPTH), h[..., 2]


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
    cost: Float[Tensor, " B"]


@dataclass(frozen=True)
class Block:
    """Rows of which each depends on the same few joints: their derivatives have these columns only."""

    rows: slice
    surface: SurfacePoints
    joints: frozenset[int]


class Reprojection:
    """The data term of a fit.

    Args:
        body: Body model.
        skeleton: Its joints, with the subjects' expressions.
        observations: Rows of B subjects.
        expression: (B, 10) of the subjects, which no fit changes; None: neutral.
    """

    def __init__(
        self,
        body: BodyModel,
        skeleton: Skeleton,
        observations: Observations,
        expression: Tensor | None = None,
    ):
        self.observations, self.skeleton = observations, skeleton
        self.blocks: list[Block] = []
        at = 0
        for size in observations.blocks or (observations.faces.shape[1],):
            rows, at = slice(at, at + size), at + size
            surface = SurfacePoints(body, observations.faces[:, rows], observations.bary[:, rows], expression)
            self.blocks.append(Block(rows, surface, surface.moved_by(skeleton.descendants)))

    def points(
        self, state: State, by_betas: bool = False
    ) -> tuple[Float[Tensor, "B N 3"], list[Posed], Pose]:
        """World points, with the pieces that the Jacobian needs, block by block."""
        pose = self.skeleton.pose(state, by_betas)
        posed = [block.surface.pose(state, pose) for block in self.blocks]
        world = torch.cat([p.points for p in posed], dim=-1).transpose(1, 2)
        return state.log_scale.exp()[:, None, None] * world + state.transl[:, None], posed, pose

    def project(self, world: Float[Tensor, "B N 3"]) -> tuple[Float[Tensor, "B N 2"], Float[Tensor, "B N"]]:
        """Residuals in metres (whitened, where observations say how), and depths in metres."""
        uv, depth = project_points(self.observations.P, world)
        return self._residuals(uv), depth

    def _residuals(self, uv: Float[Tensor, "B N 2"]) -> Float[Tensor, "B N 2"]:
        """Of points that project to `uv` (pixels), metres."""
        seen = self.observations
        residual = (uv - seen.pixels) * seen.metres_per_pixel[..., None]
        return residual if seen.whitening is None else (seen.whitening @ residual[..., None])[..., 0]

    def distances(self, state: State) -> Float[Tensor, "B N"]:
        """Length of every residual in metres; infinite behind a camera."""
        residual, depth = self.project(self.points(state)[0])
        return torch.where(depth > MIN_DEPTH, residual.norm(dim=-1), torch.inf)

    def _derivatives(
        self, block: Block, posed: Posed, world: Float[Tensor, "B n 3"], uv: Float[Tensor, "B n 2"],
        depth: Float[Tensor, "B n"], state: State, pose: Pose, free: Free,
    ) -> tuple[Float[Tensor, "B P 2 n"], list[int]]:  # fmt: skip
        """Derivatives of a block's residuals, points last, and which of the tangent's columns they are."""
        P = self.observations.P[:, block.rows].permute(0, 2, 3, 1)  # (B, 3, 4, n)
        unit = self.observations.metres_per_pixel[:, block.rows] / depth.clamp_min(MIN_DEPTH)
        rows = P[:, :2, :3] - uv.transpose(1, 2)[:, :, None] * P[:, 2:, :3]
        rows = (rows * unit[:, None, None]).contiguous()  # (B, 2, 3, n)
        if self.observations.whitening is not None:
            rows = torch.einsum(
                "bnij,bjcn->bicn", self.observations.whitening[:, block.rows], rows
            ).contiguous()
        joints = tuple(j for j in free.joints if j in block.joints)
        scale = state.log_scale.exp()[:, None, None, None]
        surface, descendants = block.surface, self.skeleton.descendants
        parts = [surface.pull(rows * scale, posed, state, pose, descendants, joints, free.betas)]
        if free.scale:
            arm = (world - state.transl[:, None]).transpose(1, 2)[:, None]
            parts.append((rows * arm).sum(2)[:, None])
        if free.transl:
            parts.append(rows.transpose(1, 2))
        first = 3 * len(free.joints)
        columns = [3 * i + a for i, j in enumerate(free.joints) if j in block.joints for a in range(3)]
        columns += range(first, first + 10 * free.betas + free.scale + 3 * free.transl)
        return torch.cat(parts, dim=1), columns

    def _linear(
        self, state: State, free: Free
    ) -> tuple[Tensor, Tensor, list[tuple[slice, Float[Tensor, "B P 2 n"], list[int]]]]:
        """Residuals (B,N,2), depths (B,N), and the derivatives of every block."""
        world, posed, pose = self.points(state, free.betas)
        uv, depth = project_points(self.observations.P, world)
        parts = []
        for block, p in zip(self.blocks, posed, strict=True):
            r = block.rows
            parts.append(
                (r, *self._derivatives(block, p, world[:, r], uv[:, r], depth[:, r], state, pose, free))
            )
        return self._residuals(uv), depth, parts

    def jacobian(self, state: State, free: Free) -> tuple[Tensor, Tensor, Tensor]:
        """Residuals (B,N,2) in metres, their derivatives (B,N,2,P) by the tangent of `free`, depths (B,N)."""
        residual, depth, parts = self._linear(state, free)
        J = residual.new_zeros(*residual.shape, len(free.columns()))
        for rows, J_part, columns in parts:
            J[:, rows, :, columns] = J_part.permute(0, 3, 2, 1)
        return residual, J, depth

    def weights(
        self, residual: Tensor, depth: Tensor, noise: Noise
    ) -> tuple[Float[Tensor, "B N"], Float[Tensor, "B N"]]:
        """Per point: weighted robust loss and reweighting factor, both over sigma²."""
        rho, factor = geman_mcclure(residual.square().sum(-1), noise.kernel)
        ahead = depth > MIN_DEPTH
        weight = self.observations.weight / noise.sigma.square()
        rho = torch.where(ahead, rho, noise.kernel.square())
        return weight * rho, weight * torch.where(ahead, factor, torch.zeros_like(factor))

    def cost(self, state: State, noise: Noise) -> Float[Tensor, " B"]:
        """`sum w rho / sigma² / 2`, without units."""
        residual, depth = self.project(self.points(state)[0])
        return 0.5 * self.weights(residual, depth, noise)[0].sum(-1)

    def linearise(self, state: State, free: Free, noise: Noise) -> Normal:
        """Gauss-Newton model of `cost` around `state`."""
        residual, depth, parts = self._linear(state, free)
        rho, factor = self.weights(residual, depth, noise)
        root = factor.sqrt()[:, None]
        size = len(free.columns())
        H, g = residual.new_zeros(len(residual), size, size), residual.new_zeros(len(residual), size)
        weighted = residual.transpose(1, 2) * root
        for rows, J, columns in parts:
            A = (J * root[:, None, :, rows]).flatten(2)
            b = weighted[:, :, rows].flatten(1)
            index = torch.tensor(columns, dtype=torch.int64, device=H.device)
            H[:, index[:, None], index] += A @ A.transpose(1, 2)
            g[:, index] += (A @ b[..., None])[..., 0]
        return Normal(H, g, 0.5 * rho.sum(-1))
