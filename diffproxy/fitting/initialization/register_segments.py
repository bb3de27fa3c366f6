"""Where a rigid piece is, from the rays that see it: search over all rotations, then Gauss-Newton.

This is triangulation under the constraint that the triangulated patches form the piece: front patches seen by one
pair of cameras and back patches seen by another count together, so there is no need for the same patch in two views.
Trying every rotation is what rules out depth-flipped and left/right-swapped limbs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.fitting.initialization.rays import Rays
from diffproxy.geometry.robust import geman_mcclure
from diffproxy.geometry.rotations import to_matrix
from diffproxy.geometry.so3 import hat
from diffproxy.geometry.triangulation import perpendicular, solve_point


@dataclass(frozen=True)
class RigidSegment:
    """Rest points of a rigid piece, relative to its pivot (metres), and the rays that see them."""

    points: Float[np.ndarray, "N 3"]
    rays: Rays
    weight: Float[np.ndarray, " N"]

    def thinned(self, count: int) -> RigidSegment:
        """At most `count` of the points, by a fixed draw (a stride would favour some views), same total weight."""
        size = len(self.weight)
        if size <= count:
            return self
        rows = np.sort(np.random.default_rng(0).permutation(size)[:count])
        return RigidSegment(self.points[rows], self.rays[rows], self.weight[rows] * size / count)


@dataclass(frozen=True)
class RegistrationPrior:
    """Where the pivot should be (None: anywhere) and how surely; how sure the scale is (0: fixed)."""

    pivot: Float[np.ndarray, "3"] | None = None
    pivot_std: float = 0.05
    log_scale_std: float = 0.0


@dataclass(frozen=True)
class PoseHypotheses:
    """K hypotheses `x = scale R X + t`, best first. Cost: half squared residuals over sigma², robust, unit weights."""

    R: Float[np.ndarray, "K 3 3"]
    t: Float[np.ndarray, "K 3"]
    scale: Float[np.ndarray, " K"]
    cost: Float[np.ndarray, " K"]


SIGMA = 0.04
"""Assumed error of proxies and mean shape, metres, while searching."""
KERNEL = 0.12
"""Geman-McClure scale while searching, metres."""


def rotation_grid(count: int) -> Float[np.ndarray, "K 3 3"]:
    """`count` rotations spread evenly over SO(3) (super-Fibonacci spirals, Alexa, CVPR 2022)."""
    s = np.arange(count) + 0.5
    r, R = np.sqrt(s / count), np.sqrt(1 - s / count)
    alpha, beta = 2 * np.pi * s / np.sqrt(2.0), 2 * np.pi * s / 1.533751168755204288
    x, y, z, w = r * np.sin(alpha), r * np.cos(alpha), R * np.sin(beta), R * np.cos(beta)
    return np.stack(
        [
            1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
            2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
            2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
        ],
        axis=-1,
    ).reshape(-1, 3, 3)  # fmt: skip


def _square(e: np.ndarray) -> np.ndarray:
    return np.einsum("...i,...i->...", e, e)


def _score(
    piece: RigidSegment, anchor: RegistrationPrior, R: np.ndarray, t: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    e = piece.rays.away(scale[:, None, None] * (piece.points @ np.swapaxes(R, 1, 2)) + t[:, None])
    cost = (piece.weight * geman_mcclure(_square(e), KERNEL)[0]).sum(-1) / (2 * SIGMA**2)
    if anchor.pivot is not None:
        cost += ((t - anchor.pivot) ** 2).sum(-1) / (2 * anchor.pivot_std**2)
    if anchor.log_scale_std > 0:
        cost += np.log(scale) ** 2 / (2 * anchor.log_scale_std**2)
    return cost


def _place(
    piece: RigidSegment, anchor: RegistrationPrior, R: Float[np.ndarray, "K 3 3"]
) -> Float[np.ndarray, "K 3"]:
    """Best translation of every rotation: closed form, reweighted twice."""
    offset = piece.points @ np.swapaxes(R, 1, 2)
    d = piece.rays.direction
    A0, b0 = np.zeros((3, 3)), np.zeros(3)
    if anchor.pivot is not None:
        A0 = np.eye(3) * (SIGMA / anchor.pivot_std) ** 2
        b0 = A0 @ anchor.pivot
    weight = np.broadcast_to(piece.weight, offset.shape[:2])
    target = piece.rays.origin - offset
    across = target - np.einsum("kni,ni->kn", target, d)[..., None] * d
    projection = perpendicular(d).reshape(-1, 9)
    t = np.zeros((len(R), 3))
    for _ in range(3):
        t = solve_point((weight @ projection).reshape(-1, 3, 3) + A0, (weight[:, None] @ across)[:, 0] + b0)
        weight = piece.weight * geman_mcclure(_square(piece.rays.away(offset + t[:, None])), KERNEL)[1]
    return t


def _refine(
    piece: RigidSegment,
    anchor: RegistrationPrior,
    R: np.ndarray,
    t: np.ndarray,
    scale: np.ndarray,
    iterations: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Newton on rotation, translation and (if the anchor lets it) log scale, for K hypotheses at once."""
    d = piece.rays.direction
    size = 7 if anchor.log_scale_std > 0 else 6
    for _ in range(iterations):
        arm = scale[:, None, None] * (piece.points @ np.swapaxes(R, 1, 2))
        e = piece.rays.away(arm + t[:, None])
        root = np.sqrt(piece.weight * geman_mcclure(_square(e), KERNEL)[1])[..., None]
        J = np.concatenate(
            [-hat(torch.from_numpy(arm)).numpy(), np.broadcast_to(np.eye(3), (*arm.shape, 3))], axis=-1
        )
        if size == 7:
            J = np.concatenate([J, arm[..., None]], axis=-1)
        J = (J - d[:, :, None] * np.einsum("ni,knij->knj", d, J)[:, :, None]) * root[..., None]
        J = J.reshape(len(R), -1, size)
        H = np.swapaxes(J, 1, 2) @ J
        g = (np.swapaxes(J, 1, 2) @ (e * root).reshape(len(R), -1, 1))[..., 0]
        if anchor.pivot is not None:
            w = (SIGMA / anchor.pivot_std) ** 2
            H[:, range(3, 6), range(3, 6)] += w
            g[:, 3:6] += w * (t - anchor.pivot)
        if size == 7:
            w = (SIGMA / anchor.log_scale_std) ** 2
            H[:, 6, 6] += w
            g[:, 6] += w * np.log(scale)
        trace = np.trace(H, axis1=1, axis2=2)[:, None, None]
        step = np.linalg.solve(H + (1e-4 * H + 1e-7 * trace) * np.eye(size), -g[..., None])[..., 0]
        turn = step[:, :3]
        turn *= np.minimum(1.0, 0.7 / np.maximum(np.linalg.norm(turn, axis=-1, keepdims=True), 1e-9))
        R = to_matrix(turn) @ R
        t = t + step[:, 3:6]
        if size == 7:
            scale = scale * np.exp(np.clip(step[:, 6], -0.2, 0.2))
    return R, t, scale


def register_segment(
    piece: RigidSegment,
    anchor: RegistrationPrior,
    candidates: Float[np.ndarray, "K 3 3"],
    penalty: Callable[[np.ndarray], np.ndarray] | None = None,
    scale: float = 1.0,
    keep: int = 4,
    iterations: int = 5,
) -> PoseHypotheses:
    """Search `candidates` (world from rest rotations), refine the best `keep`.

    `penalty` maps rotations to an extra cost, in units of half squared standard deviations.
    """
    extra = penalty or (lambda R: np.zeros(len(R)))
    scaled = RigidSegment(piece.points * scale, piece.rays, piece.weight)
    few = scaled.thinned(60)
    t = _place(few, anchor, candidates)
    one = np.ones(len(candidates))
    cost = _score(few, anchor, candidates, t, one) + extra(candidates)
    best = np.argsort(cost, kind="stable")[:keep]
    many = scaled.thinned(120)
    R, t, s = _refine(many, anchor, candidates[best], t[best], one[best], iterations)
    cost = _score(many, anchor, R, t, s) + extra(R)
    order = np.argsort(cost, kind="stable")
    return PoseHypotheses(R[order], t[order], scale * s[order], cost[order])
