"""Geometry helpers of the charts: centre lines, rounded ends, even arc length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def area_of(corners: np.ndarray) -> np.ndarray:
    """Area (Nf,) of triangles (Nf, 3, 3)."""
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2


@dataclass(frozen=True)
class Centreline:
    """A straight line through the middle of a segment: t = 0 at the first joint, 1 at the second."""

    start: np.ndarray
    axis: np.ndarray  # unit
    length: float
    offset: np.ndarray  # (2, 2): (side, ahead) of the middle = offset[0] + offset[1] * t, in units of length
    stretch: float  # side is divided by this (an oval cross-section)

    @staticmethod
    def fit(
        corners: np.ndarray,
        area: np.ndarray,
        start: np.ndarray,
        end: np.ndarray,
        front: np.ndarray,
        oval: bool = False,
    ) -> Centreline:
        """Line from joint to joint, moved to the area-weighted middle of the faces (Nf, 3, 3)."""
        length = float(np.linalg.norm(end - start))
        line = Centreline(start, (end - start) / length, length, np.zeros((2, 2)), 1.0)
        t, side, ahead = line.split(corners.mean(axis=1), front)
        A = np.stack([np.ones_like(t), t], axis=1) * np.sqrt(area)[:, None]
        b = np.stack([side, ahead], axis=1) * np.sqrt(area)[:, None]
        offset = np.linalg.lstsq(A, b, rcond=None)[0]
        centred = Centreline(start, line.axis, length, offset, 1.0)
        _, side, ahead = centred.split(corners.mean(axis=1), front)
        stretch = float(np.sqrt((area * side**2).sum() / (area * ahead**2).sum())) if oval else 1.0
        return Centreline(start, line.axis, length, offset, stretch)

    def split(self, points: np.ndarray, front: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coordinates along (t), to the side and ahead (towards `front`) of the line, in units of its length."""
        ahead = front - (front @ self.axis) * self.axis
        ahead = ahead / np.linalg.norm(ahead)
        side = np.cross(self.axis, ahead)
        side = side * (-1.0 if side[np.abs(side).argmax()] < 0 else 1.0)  # towards +x or +y
        d = (points - self.start) / self.length
        t = d @ self.axis
        middle = self.offset[0] + self.offset[1] * t[..., None]
        return t, (d @ side - middle[..., 0]) / self.stretch, d @ ahead - middle[..., 1]


def cap(t: np.ndarray, distance: np.ndarray, begin: float, radius: float) -> np.ndarray:
    """Replace t < begin by an angle times `radius`, as on the round end of a capsule; continuous at `begin`."""
    return np.where(t < begin, begin - radius * np.arctan2(begin - t, distance), t)


BINS = 24  # knots of the map, less one


def equalise(x: np.ndarray, area: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knots (x, v) of a rising map to [0, 1] with dv proportional to the arc length area / (2 pi radius)."""
    edges = np.linspace(x.min() - 1e-6, x.max() + 1e-6, BINS + 1)
    which = np.clip(np.digitize(x, edges) - 1, 0, BINS - 1)
    ring = np.bincount(which, area, BINS)
    mean_radius = np.bincount(which, area * radius, BINS) / np.maximum(ring, 1e-12)
    arc = ring / np.maximum(2 * np.pi * mean_radius, 1e-3)
    arc = np.convolve(np.pad(arc, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    v = np.concatenate([[0.0], np.cumsum(arc)])
    return edges, v / v[-1]
