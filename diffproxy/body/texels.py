"""Grid of texels with lists of chart triangles, for a fast search of the triangle at (label, u, v)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

GRID = 64  # texels along u and v of a part
TOLERANCE = 0.05  # maximum distance of a coordinate from its chart, in units of u, v
_NEIGHBOURS = 12


@dataclass(frozen=True)
class TexelGrid:
    """Triangles of all charts; `start[cell]:start[cell + 1]` are those that touch a texel, outermost first."""

    start: np.ndarray  # (num_labels * GRID^2 + 1,)
    entries: np.ndarray  # triangle ids
    corners: np.ndarray  # (T, 3, 2) float64
    faces: np.ndarray  # (T,) mesh face
    by_label: tuple[np.ndarray, ...]  # triangle ids
    trees: dict[int, tuple[Any, int]]  # k-d tree of sample points, points per triangle

    @staticmethod
    def of(
        labels: np.ndarray, corners: np.ndarray, faces: np.ndarray, template: np.ndarray, num_labels: int
    ) -> TexelGrid:
        """Build the grid.

        Args:
            labels: (T,) label of each triangle.
            corners: (T, 3, 2) its corners in the chart.
            faces: (T,) its face of the mesh.
            template: (T, 3, 3) its corners on the rest body, metres.
            num_labels: Number of labels.
        """
        corners = corners.astype(np.float64)
        edge = corners[:, 1:] - corners[:, :1]
        flat = np.abs(edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]) < 1e-12
        use = np.flatnonzero((labels > 0) & ~flat)
        use = use[np.argsort(-_outwardness(labels[use], template[use], num_labels), kind="stable")]
        labels, corners, faces = labels[use].astype(np.int64), corners[use], faces[use]

        low = np.clip((corners.min(axis=1) * GRID - 1e-6).astype(int), 0, GRID - 1)
        high = np.clip((corners.max(axis=1) * GRID + 1e-6).astype(int), 0, GRID - 1)
        size = high - low + 1
        count = size.prod(axis=1)
        triangle = np.repeat(np.arange(len(faces)), count)
        step = np.arange(len(triangle)) - np.repeat(np.cumsum(count) - count, count)
        column = low[triangle, 0] + step % size[triangle, 0]
        row = low[triangle, 1] + step // size[triangle, 0]
        cell = (labels[triangle] * GRID + row) * GRID + column
        order = np.argsort(cell, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=num_labels * GRID * GRID))])
        by_label = tuple(np.flatnonzero(labels == k) for k in range(num_labels))
        return TexelGrid(start, triangle[order], corners, faces, by_label, {})

    def lookup(self, labels: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Faces (N,), barycentric coordinates (N, 3) and ok (N,) at labels (N,) and coordinates (N, 2)."""
        labels, uv = np.asarray(labels).astype(np.int64), np.asarray(uv, dtype=np.float64)
        known = (labels > 0) & (labels < len(self.by_label)) & np.isfinite(uv).all(axis=1)
        known &= np.array([len(t) > 0 for t in self.by_label])[np.where(known, labels, 0)]
        triangle = np.full(len(labels), -1)
        bary = np.zeros((len(labels), 3))

        todo = np.flatnonzero(known & (uv >= 0).all(axis=1) & (uv <= 1).all(axis=1))
        texel = np.minimum((uv[todo] * GRID).astype(int), GRID - 1)
        cell = (labels[todo] * GRID + texel[:, 1]) * GRID + texel[:, 0]
        at, end = self.start[cell], self.start[cell + 1]
        while len(todo):
            alive = at < end
            todo, at, end = todo[alive], at[alive], end[alive]
            candidate = self.entries[at]
            b = _barycentric(self.corners[candidate], uv[todo])
            hit = b.min(axis=1) >= -1e-7
            triangle[todo[hit]], bary[todo[hit]] = candidate[hit], b[hit]
            todo, at, end = todo[~hit], at[~hit] + 1, end[~hit]

        ok = triangle >= 0
        for label in np.unique(labels[known & ~ok]):
            rows = np.flatnonzero(known & ~ok & (labels == label))
            triangle[rows], bary[rows], ok[rows] = self._nearest(int(label), uv[rows])
        bary = bary.clip(0)
        bary /= np.where(ok | (triangle >= 0), bary.sum(axis=1), 1)[:, None]
        return np.where(triangle >= 0, self.faces[triangle], 0), bary.astype(np.float32), ok

    def _nearest(self, label: int, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        from scipy.spatial import cKDTree

        mine = self.by_label[label]
        if label not in self.trees:
            corners = self.corners[mine]
            points = np.concatenate([corners, (corners + np.roll(corners, 1, axis=1)) / 2], axis=1)
            self.trees[label] = (cKDTree(points.reshape(-1, 2)), points.shape[1])
        tree, per_face = self.trees[label]
        _, near = tree.query(uv, k=min(_NEIGHBOURS, tree.n))
        candidate = mine[near.reshape(len(uv), -1) // per_face]
        bary = _closest_barycentric(self.corners[candidate], uv[:, None])
        gap = np.linalg.norm((bary[..., None] * self.corners[candidate]).sum(axis=-2) - uv[:, None], axis=-1)
        best = gap.argmin(axis=1)
        rows = np.arange(len(uv))
        return candidate[rows, best], bary[rows, best], gap[rows, best] < TOLERANCE


def _outwardness(labels: np.ndarray, template: np.ndarray, num_labels: int) -> np.ndarray:
    """Distance of every triangle from the centre of its part."""
    middle = template.mean(axis=1)
    total = np.maximum(np.bincount(labels, minlength=num_labels), 1)
    centre = np.stack([np.bincount(labels, middle[:, k], num_labels) / total for k in range(3)], axis=1)
    return np.linalg.norm(middle - centre[labels], axis=1)


def _barycentric(corners: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Barycentric coordinates (..., 3) of p (..., 2) in triangles (..., 3, 2)."""
    a, e, f = (
        corners[..., 0, :],
        corners[..., 1, :] - corners[..., 0, :],
        corners[..., 2, :] - corners[..., 0, :],
    )
    d = p - a
    area = e[..., 0] * f[..., 1] - e[..., 1] * f[..., 0]
    v = (d[..., 0] * f[..., 1] - d[..., 1] * f[..., 0]) / area
    w = (e[..., 0] * d[..., 1] - e[..., 1] * d[..., 0]) / area
    return np.stack([1 - v - w, v, w], axis=-1)


def _closest_barycentric(corners: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Barycentric coordinates of the point of each triangle nearest to p: inside or on the nearest edge."""
    inside = _barycentric(corners, p)
    best = np.zeros_like(inside)
    best_gap = np.full(inside.shape[:-1], np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        a, e = corners[..., i, :], corners[..., j, :] - corners[..., i, :]
        t = ((p - a) * e).sum(-1) / np.maximum((e * e).sum(-1), 1e-18)
        t = t.clip(0, 1)
        gap = np.linalg.norm(a + t[..., None] * e - p, axis=-1)
        bary = np.zeros_like(inside)
        bary[..., i], bary[..., j] = 1 - t, t
        closer = gap < best_gap
        best[closer], best_gap[closer] = bary[closer], gap[closer]
    within = inside.min(axis=-1) >= 0
    best[within] = inside[within]
    return best
