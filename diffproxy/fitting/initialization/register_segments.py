"""Rigid registration of a body segment to the rays of its pixels: search over all rotations, then Gauss-Newton.

This is generalised PnP (rays of several cameras, known surface points) with a robust loss. Front patches observed by
one pair of cameras and back patches observed by another constrain the same rigid motion, so no patch has to be visible
in two views. The search over all rotations rules out depth-flipped and left-right-swapped limbs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.fitting.rays import RAY_KERNEL, Rays
from diffproxy.geometry.robust import geman_mcclure
from diffproxy.geometry.rotations import to_matrix
from diffproxy.geometry.so3 import hat
from diffproxy.geometry.triangulation import perpendicular, solve_point


@dataclass(frozen=True)
class RigidSegment:
    """Rest points of a rigid segment, relative to its pivot (metres), and the rays that see them."""

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
    """Prior on the pivot's position (None: none) with its deviation in metres, and on the scale (0: fixed)."""

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


SEARCH_SIGMA = 0.04
"""Assumed error of proxies and mean shape, metres, while searching."""


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
    segment: RigidSegment, prior: RegistrationPrior, R: np.ndarray, t: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    e = segment.rays.offsets(scale[:, None, None] * (segment.points @ np.swapaxes(R, 1, 2)) + t[:, None])
    cost = (segment.weight * geman_mcclure(_square(e), RAY_KERNEL)[0]).sum(-1) / (2 * SEARCH_SIGMA**2)
    if prior.pivot is not None:
        cost += ((t - prior.pivot) ** 2).sum(-1) / (2 * prior.pivot_std**2)
    if prior.log_scale_std > 0:
        cost += np.log(scale) ** 2 / (2 * prior.log_scale_std**2)
    return cost


def _best_translations(
    segment: RigidSegment, prior: RegistrationPrior, R: Float[np.ndarray, "K 3 3"]
) -> Float[np.ndarray, "K 3"]:
    """Best translation of every rotation: closed form, reweighted twice."""
    offset = segment.points @ np.swapaxes(R, 1, 2)
    d = segment.rays.direction
    A0, b0 = np.zeros((3, 3)), np.zeros(3)
    if prior.pivot is not None:
        A0 = np.eye(3) * (SEARCH_SIGMA / prior.pivot_std) ** 2
        b0 = A0 @ prior.pivot
    weight = np.broadcast_to(segment.weight, offset.shape[:2])
    target = segment.rays.origin - offset
    across = target - np.einsum("kni,ni->kn", target, d)[..., None] * d
    projection = perpendicular(d).reshape(-1, 9)
    t = np.zeros((len(R), 3))
    for _ in range(3):
        t = solve_point((weight @ projection).reshape(-1, 3, 3) + A0, (weight[:, None] @ across)[:, 0] + b0)
        weight = (
            segment.weight * geman_mcclure(_square(segment.rays.offsets(offset + t[:, None])), RAY_KERNEL)[1]
        )
    return t


def _refine(
    segment: RigidSegment,
    prior: RegistrationPrior,
    R: np.ndarray,
    t: np.ndarray,
    scale: np.ndarray,
    iterations: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Newton on rotation, translation and (if the prior lets it) log scale, for K hypotheses at once."""
    d = segment.rays.direction
    size = 7 if prior.log_scale_std > 0 else 6
    for _ in range(iterations):
        arm = scale[:, None, None] * (segment.points @ np.swapaxes(R, 1, 2))
        e = segment.rays.offsets(arm + t[:, None])
        root = np.sqrt(segment.weight * geman_mcclure(_square(e), RAY_KERNEL)[1])[..., None]
        J = np.concatenate(
            [-hat(torch.from_numpy(arm)).numpy(), np.broadcast_to(np.eye(3), (*arm.shape, 3))], axis=-1
        )
        if size == 7:
            J = np.concatenate([J, arm[..., None]], axis=-1)
        J = (J - d[:, :, None] * np.einsum("ni,knij->knj", d, J)[:, :, None]) * root[..., None]
        J = J.reshape(len(R), -1, size)
        H = np.swapaxes(J, 1, 2) @ J
        g = (np.swapaxes(J, 1, 2) @ (e * root).reshape(len(R), -1, 1))[..., 0]
        if prior.pivot is not None:
            w = (SEARCH_SIGMA / prior.pivot_std) ** 2
            H[:, range(3, 6), range(3, 6)] += w
            g[:, 3:6] += w * (t - prior.pivot)
        if size == 7:
            w = (SEARCH_SIGMA / prior.log_scale_std) ** 2
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
    segment: RigidSegment,
    prior: RegistrationPrior,
    candidates: Float[np.ndarray, "K 3 3"],
    penalty: Callable[[np.ndarray], np.ndarray] | None = None,
    scale: float = 1.0,
    keep: int = 4,
    iterations: int = 5,
) -> PoseHypotheses:
    """Register a rigid body segment to the rays that see it, by a search over rotations without local minima.

    Args:
        segment: Points of the segment at rest, metres, and the ray of each.
        prior: Where its pivot is expected, and how far the scale may change.
        candidates: (K, 3, 3) rotations to try, rest to world.
        penalty: Extra cost of rotations (N, 3, 3), in half squared standard deviations.
        scale: Factor on the points.
        keep: So many of the best candidates are refined by Gauss-Newton.
        iterations: Steps of the refinement.

    Returns:
        The refined poses, best first.
    """
    extra = penalty or (lambda R: np.zeros(len(R)))
    scaled = RigidSegment(segment.points * scale, segment.rays, segment.weight)
    few = scaled.thinned(60)
    t = _best_translations(few, prior, candidates)
    one = np.ones(len(candidates))
    cost = _score(few, prior, candidates, t, one) + extra(candidates)
    best = np.argsort(cost, kind="stable")[:keep]
    many = scaled.thinned(120)
    R, t, s = _refine(many, prior, candidates[best], t[best], one[best], iterations)
    cost = _score(many, prior, R, t, s) + extra(R)
    order = np.argsort(cost, kind="stable")
    return PoseHypotheses(R[order], t[order], scale * s[order], cost[order])
