"""Triangulation of one person from the detections of several views: the person whose detections agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.cameras import Camera
from diffproxy.geometry.meshes import unit
from diffproxy.geometry.triangulation import intersect_rays, normal_equations, solve_point
from diffproxy.keypoints.layouts import NAMES, Person2D
from diffproxy.utils.checked import checked
from diffproxy.utils.options import one_each
from diffproxy.utils.short_repr import short_repr

TOLERANCE = 0.06
"""Metres at the subject by which a detection may miss its point and still belong to it."""
MIN_CONFIDENCE = 0.3
NEAR = 2 * TOLERANCE
"""Metres from a point by which a ray may miss it and still agree with the point nearest to all rays."""
MAX_PAIRS = 15
"""Pairs of views that sets grow from: all of six views."""
MIN_DEPTH = 0.1
"""Metres before a camera from which on it can see a point."""
MIN_AGREEING = 5
"""Points that two views must share before they count as two views of one person."""


@dataclass(frozen=True)
class Triangulated:
    """Points of NAMES in the world, metres; NaN where too few views agree.

    `views`: detections that were used; `error_px`: their root-mean-square reprojection error, pixels of the images;
    `chosen`: the person of each view, None without a match.
    """

    points: Float[np.ndarray, "K 3"]
    views: Bool[np.ndarray, "V K"]
    error_px: Float[np.ndarray, " K"]
    chosen: tuple[int | None, ...]

    __repr__ = short_repr

    @property
    def found(self) -> Bool[np.ndarray, " K"]:
        return np.isfinite(self.points).all(-1)


@checked
def triangulate_people(
    people: Sequence[Sequence[Person2D]],
    cameras: Sequence[Camera],
    near: Float[np.ndarray, "3"] | None = None,
    min_views: int = 2,
    min_confidence: float = MIN_CONFIDENCE,
) -> Triangulated:
    """Triangulate the person on whom most views agree.

    Args:
        people: `people[v]` are the detections in camera v, in pixels of its image.
        cameras: Cameras of the images; lens distortion is used.
        near: (3,) only people within 1 m of this point, metres.
        min_views: Minimum number of views per point.
        min_confidence: Minimum confidence of a keypoint.

    Returns:
        Each point from the largest set of views that agree within `TOLERANCE`; NaN with fewer than `min_views`.
    """
    one_each("lists of people", len(people), len(cameras), "camera")
    normal = [
        [_Seen.of(p, c, min_confidence) for p in found] for found, c in zip(people, cameras, strict=True)
    ]
    chosen = _choose(normal, cameras, near)
    K = len(NAMES)
    points, error = np.full((K, 3), np.nan), np.full(K, np.nan)
    views = np.zeros((len(cameras), K), dtype=bool)
    picks = [(v, normal[v][i]) for v, i in enumerate(chosen) if i is not None]
    for k in range(K):
        have = [(v, s) for v, s in picks if s.ok[k]]
        if len(have) < min_views:
            continue
        xy = np.stack([s.xy[k] for _, s in have])
        weight = np.array([s.weight[k] for _, s in have])
        cams = [cameras[v] for v, _ in have]
        x, inside = agreed_point(xy, weight, cams)
        if inside.sum() < min_views:
            continue
        points[k] = x
        used = [v for (v, _), ok in zip(have, inside, strict=True) if ok]
        views[used, k] = True
        miss = [
            cameras[v].project(x) - people[v][i].points[k, :2] for v in used if (i := chosen[v]) is not None
        ]
        error[k] = np.sqrt(np.mean(np.sum(np.square(miss), -1)))
    return Triangulated(points, views, error, tuple(chosen))


@dataclass(frozen=True)
class _Seen:
    """One detection in ideal coordinates X/Z, Y/Z."""

    xy: np.ndarray
    weight: np.ndarray
    ok: np.ndarray

    @staticmethod
    def of(person: Person2D, camera: Camera, least: float) -> _Seen:
        xy = camera.normalized(person.points[:, :2])
        ok = (person.points[:, 2] >= least) & np.isfinite(xy).all(-1)
        return _Seen(np.where(ok[:, None], xy, 0.0), person.points[:, 2], ok)


def intersect(
    xy: Float[np.ndarray, "V N 2"], weight: Float[np.ndarray, "V N"], cameras: Sequence[Camera]
) -> Float[np.ndarray, "N 3"]:
    """Least-squares points of rays given by ideal coordinates, rays weighted by `weight`; metres."""
    d = _directions(xy, cameras)
    centers = np.broadcast_to(np.stack([c.center_world for c in cameras])[:, None], d.shape)
    return intersect_rays(centers.swapaxes(0, 1), d.swapaxes(0, 1), weight.T)


def _directions(xy: Float[np.ndarray, "V N 2"], cameras: Sequence[Camera]) -> Float[np.ndarray, "V N 3"]:
    """Unit vectors of rays in the world."""
    return unit(
        np.concatenate([xy, np.ones_like(xy[..., :1])], -1) @ np.stack([c.R_cam_world for c in cameras])
    )


def miss_metres(
    x: Float[np.ndarray, "N 3"], xy: Float[np.ndarray, "N 2"], camera: Camera
) -> Float[np.ndarray, " N"]:
    """Distance of points from rays, metres; infinite behind the camera."""
    return _misses(x @ camera.R_cam_world.T + camera.t_cam_world, xy)


def _misses(x_cam: Float[np.ndarray, "*N 3"], xy: Float[np.ndarray, "*#N 2"]) -> Float[np.ndarray, "*N"]:
    """As `miss_metres`, of points in the axes of the camera."""
    distance = np.linalg.norm(x_cam[..., :2] - xy * x_cam[..., 2:], axis=-1)
    return np.where(x_cam[..., 2] > MIN_DEPTH, distance, np.inf)


def agreed_point(
    xy: Float[np.ndarray, "V 2"], weight: Float[np.ndarray, " V"], cameras: Sequence[Camera]
) -> tuple[Float[np.ndarray, "3"], Bool[np.ndarray, " V"]]:
    """The point on which most views agree.

    Sets of views are too many to try in a rig of many cameras, so sets grow from pairs of views, by the nearest ray.

    Args:
        xy: Ideal coordinates X/Z, Y/Z of one point in each view.
        weight: Of each view.
        cameras: Cameras of the views.

    Returns:
        The point in the world, metres, NaN without two views that agree within `TOLERANCE`; and these views.
    """
    R, t = np.stack([c.R_cam_world for c in cameras]), np.stack([c.t_cam_world for c in cameras])
    centers, rays = np.stack([c.center_world for c in cameras]), _directions(xy[:, None], cameras)[:, 0]
    A, b = normal_equations(centers, rays, weight)

    def misses(x: Float[np.ndarray, "*P 3"]) -> Float[np.ndarray, "*P V"]:
        """Distance of points from all rays, metres; infinite behind a camera."""
        return _misses(np.einsum("vij,...j->...vi", R, x) + t, xy)

    best, point, inside = (0, np.inf), np.full(3, np.nan), np.zeros(len(xy), dtype=bool)
    pairs = np.array(list(combinations(range(len(xy)), 2)), dtype=np.int64).reshape(-1, 2)
    near = np.minimum(misses(solve_point(A[pairs].sum(1), b[pairs].sum(1))), NEAR).sum(1)
    for pair in pairs[np.argsort(near, kind="stable")[:MAX_PAIRS]]:
        chosen = np.isin(np.arange(len(xy)), pair)
        while True:
            x = solve_point(A[chosen].sum(0), b[chosen].sum(0))
            miss = misses(x)
            if (miss[chosen] > TOLERANCE).any():
                break
            key = (-int(chosen.sum()), float(np.square(miss[chosen]).mean()))
            if key < best:
                best, point, inside = key, x, chosen.copy()
            others = np.where(chosen, np.inf, miss)
            if others.min() > NEAR:
                break
            chosen[others.argmin()] = True
    return point, inside


def _choose(seen: list[list[_Seen]], cameras: Sequence[Camera], near: np.ndarray | None) -> list[int | None]:
    best = 0.0
    chosen: list[int | None] = [None] * len(cameras)
    for a, b in combinations(range(len(cameras)), 2):
        for i, j in product(range(len(seen[a])), range(len(seen[b]))):
            both = seen[a][i].ok & seen[b][j].ok
            if both.sum() < MIN_AGREEING:
                continue
            xy = np.stack([seen[a][i].xy[both], seen[b][j].xy[both]])
            x = intersect(xy, np.ones(xy.shape[:2]), [cameras[a], cameras[b]])
            agree = (miss_metres(x, xy[0], cameras[a]) < TOLERANCE) & (
                miss_metres(x, xy[1], cameras[b]) < TOLERANCE
            )
            if agree.sum() < MIN_AGREEING or not _human(x[agree]):
                continue
            if near is not None and np.linalg.norm(np.median(x[agree], axis=0) - near) > 1.0:
                continue
            picks: list[int | None] = [None] * len(cameras)
            score = 0.0
            points = np.full((len(both), 3), np.nan)
            points[np.flatnonzero(both)[agree]] = x[agree]
            known = np.isfinite(points).all(-1)
            for v, c in enumerate(cameras):
                votes = []
                for s in seen[v]:
                    rows = known & s.ok
                    close = miss_metres(points[rows], s.xy[rows], c) < 1.5 * TOLERANCE
                    votes.append(int(close.sum()) if rows.any() and close.mean() > 0.4 else 0)
                top = int(np.argmax(votes)) if votes else -1
                if top >= 0 and votes[top] >= MIN_AGREEING:
                    picks[v] = top
                    score += votes[top]
            if score > best:
                best, chosen = score, picks
    return chosen


def _human(x: Float[np.ndarray, "N 3"]) -> bool:
    """Whether the extent of the points is possible for a person."""
    return 0.3 < float(np.ptp(x, axis=0).max()) < 2.6
