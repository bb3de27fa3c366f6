"""The detections of one frame as viewing rays, and points from rays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.encoders.movenet import NUM_KEYPOINTS
from diffproxy.geometry.robust import geman_mcclure
from diffproxy.geometry.triangulation import perpendicular, solve_point

MIN_CONFIDENCE = 0.2  # of a keypoint
NEAREST = 0.1  # metres in front of a camera
ANNEALING = (4.0, 2.0, 1.0, 1.0)
"""Scale of the robust loss in successive iterations, over the final one: the prior may be off by more."""

STAYING = 0.05
"""Weight of the squared shift of a body, beside rays that weigh their confidence: depth from size is uncertain."""


@dataclass(frozen=True)
class Observations:
    """The people that V views show in one frame, padded to D in each view.

    `origin`: camera centres, metres. `direction`: unit rays of the 17 keypoints. `weight`: their confidences in [0, 1],
    0 for what is not used or padded. `score`: of each person, 0 where padded.
    """

    origin: Float[np.ndarray, "V 3"]
    direction: Float[np.ndarray, "V D 17 3"]
    weight: Float[np.ndarray, "V D 17"]
    score: Float[np.ndarray, "V D"]

    @staticmethod
    def of(people: Sequence[Sequence[Candidate]], cameras: Sequence[Camera]) -> Observations:
        """From `people[v]` in pixels of the image of `cameras[v]`; lens distortion is used."""
        views, most = len(cameras), max(1, *(len(found) for found in people))
        direction = np.zeros((views, most, NUM_KEYPOINTS, 3))
        direction[..., 2] = 1.0
        weight, score = np.zeros((views, most, NUM_KEYPOINTS)), np.zeros((views, most))
        for v, (found, camera) in enumerate(zip(people, cameras, strict=True)):
            if not found:
                continue
            keypoints = np.stack([p.keypoints for p in found]).astype(np.float64)
            rays = camera.rays_world(keypoints[..., :2])[1]
            good = (keypoints[..., 2] >= MIN_CONFIDENCE) & np.isfinite(rays).all(-1)
            direction[v, : len(found)][good] = rays[good]
            weight[v, : len(found)] = np.where(good, keypoints[..., 2], 0.0)
            score[v, : len(found)] = [p.score for p in found]
        return Observations(np.stack([c.center_world for c in cameras]), direction, weight, score)

    def miss(self, points: Float[np.ndarray, "T 17 3"]) -> Float[np.ndarray, "V T D 17"]:
        """Distance in metres of points from the rays of all detections; infinite behind the camera."""
        return np.stack([self.of_view(v, points) for v in range(len(self.origin))])

    def of_view(self, v: int, points: Float[np.ndarray, "T 17 3"]) -> Float[np.ndarray, "T D 17"]:
        """`miss` for the detections of one view."""
        away = points - self.origin[v]
        along = np.einsum("tki,dki->tdk", away, self.direction[v])
        square = np.square(away).sum(-1)[:, None] - along**2
        return np.where(along > NEAREST, np.sqrt(np.maximum(square, 0.0)), np.inf)

    def chosen(
        self, picks: Int[np.ndarray, "T V"]
    ) -> tuple[Float[np.ndarray, "T V 17 3"], Float[np.ndarray, "T V 17"]]:
        """Rays and weights of the picked detection of each view; -1 is none, with weight 0."""
        v = np.arange(picks.shape[1])
        direction, weight = self.direction[v, picks], self.weight[v, picks]
        return direction, np.where((picks >= 0)[..., None], weight, 0.0)


@dataclass(frozen=True)
class Triangulated:
    """Joints of T people from V views: points in metres, the final weight and the miss (metres) of each ray.

    `A`, `b`: the normal equations of each ray with its final weight; their sum over V, with the prior, gives the point.
    """

    points: Float[np.ndarray, "T 17 3"]
    weight: Float[np.ndarray, "T V 17"]
    miss: Float[np.ndarray, "T V 17"]
    A: Float[np.ndarray, "T V 17 3 3"]
    b: Float[np.ndarray, "T V 17 3"]

    def without_view(
        self, v: int, prior: Float[np.ndarray, "T 17 3"], prior_weight: Float[np.ndarray, "T 17"]
    ) -> Float[np.ndarray, "T 17 3"]:
        """The points that the other views and the prior give."""
        others = [k for k in range(self.A.shape[1]) if k != v]
        return _solve(self.A[:, others].sum(1), self.b[:, others].sum(1), prior, prior_weight)


def triangulate(
    observed: Observations,
    picks: Int[np.ndarray, "T V"],
    prior: Float[np.ndarray, "T 17 3"],
    prior_weight: Float[np.ndarray, "T 17"],
    scale: float,
) -> Triangulated:
    """Robust least squares on the distances to rays and to a prior.

    Args:
        observed: The detections of one frame.
        picks: (T, V) detection of each person in each view; -1: none.
        prior: (T, 17, 3) metres, where the iteration starts.
        prior_weight: (T, 17) weight of the squared distance to the prior; a ray has that of its confidence.
        scale: Metres, of the Geman-McClure loss on the distances to rays.
    """
    direction, weight = observed.chosen(picks)
    P = perpendicular(direction)
    origin = observed.origin[None, :, None]
    x = prior
    for factor in ANNEALING:
        miss = _distance(x[:, None], origin, direction)
        _, share = geman_mcclure(np.square(miss), factor * scale)
        used = weight * share
        A = used[..., None, None] * P
        b = np.einsum("tvkij,tvkj->tvki", A, np.broadcast_to(origin, direction.shape))
        x = _solve(A.sum(1), b.sum(1), prior, prior_weight)
    return Triangulated(x, used, _distance(x[:, None], origin, direction), A, b)


def moved_to_rays(
    observed: Observations,
    picks: Int[np.ndarray, "T V"],
    points: Float[np.ndarray, "T 17 3"],
    known: Bool[np.ndarray, "T 17"],
    scale: float,
) -> Float[np.ndarray, "T 17 3"]:
    """Bodies moved as a whole to the rays of their detections; even one view tells their distance, by their size.

    Args:
        observed: The detections of one frame.
        picks: (T, V) detection of each person in each view; -1: none.
        points: (T, 17, 3) expected joints, metres.
        known: Joints whose place in the body is known.
        scale: Metres, of the Geman-McClure loss on the distances to rays.
    """
    direction, weight = observed.chosen(picks)
    P = perpendicular(direction)
    origin = observed.origin[None, :, None]
    shift = np.zeros((len(points), 3))
    for factor in ANNEALING:
        away = origin - (points + shift[:, None])[:, None]
        miss = np.linalg.norm(np.einsum("tvkij,tvkj->tvki", P, away), axis=-1)
        used = weight * known[:, None] * geman_mcclure(np.square(miss), factor * scale)[1]
        A = used[..., None, None] * P
        b = np.einsum("tvkij,tvkj->tvki", A, origin - points[:, None])
        shift = _solve(A.sum((1, 2)), b.sum((1, 2)), np.zeros_like(shift), np.full(len(shift), STAYING))
    return points + shift[:, None]


def _distance(x: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
    away = x - origin
    along = (away * direction).sum(-1)
    return np.sqrt(np.maximum(np.square(away).sum(-1) - along**2, 0.0))


def _solve(A: np.ndarray, b: np.ndarray, prior: np.ndarray, prior_weight: np.ndarray) -> np.ndarray:
    own = np.maximum(prior_weight, 1e-9)[..., None]
    return solve_point(A + own[..., None] * np.eye(3), b + own * prior)
