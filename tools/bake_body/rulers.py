"""Coordinates (u, v) on one segment of the rest body (left side; the right side is its mirror image)."""

from __future__ import annotations

import numpy as np

from tools.bake_body.frames import Centreline, cap, equalise

U_PER_RADIAN = 0.82 / np.pi  # a half turn leaves a margin for faces that straddle the border of two halves


class Ruler:
    """Coordinates of one segment, measured on left-side points (N, 3, 3)."""

    def __init__(self, line: Centreline, front: np.ndarray, v_of_t: tuple[float, float]):
        self.line, self.front, self.v_of_t = line, front, v_of_t

    def along(self, points: np.ndarray) -> np.ndarray:
        return self.line.split(points, self.front)[0]

    def halves(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which half each face is in (0 front, 1 back) and its corner coordinates."""
        t, side, ahead = self.line.split(corners, self.front)
        second = ahead.mean(axis=1) < 0
        phi = np.arctan2(side, np.where(second[:, None], -ahead, ahead))
        v0, v1 = self.v_of_t
        return second, np.stack([0.5 + U_PER_RADIAN * phi, v0 + (v1 - v0) * t], axis=-1)


class HandRuler(Ruler):
    """The flat hand seen from above and below: u across, v towards the finger tips."""

    def __init__(self, wrist: np.ndarray, corners: np.ndarray, v_wrist: float):
        self.wrist = wrist
        self.length = corners[..., 0].max() - wrist[0]
        self.half_width = np.abs(corners[..., 2] - wrist[2]).max()
        self.v_wrist = v_wrist

    def along(self, points: np.ndarray) -> np.ndarray:
        return (points[..., 0] - self.wrist[0]) / self.length

    def halves(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        normal_y = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]
        up = normal_y > 0
        u = 0.5 + 0.45 * (corners[..., 2] - self.wrist[2]) / self.half_width
        v = self.v_wrist + (0.98 - self.v_wrist) * self.along(corners)
        return ~up, np.stack([u, v], axis=-1)


class HeadRuler(Ruler):
    """Longitude and latitude about the head's centre, latitude stretched to even arc length down to the neck."""

    def __init__(self, centre: np.ndarray, neck: np.ndarray, corners: np.ndarray, area: np.ndarray):
        self.centre, self.neck = centre, neck
        middle = corners.mean(axis=1)
        self.knots = equalise(self._latitude(middle), area, np.linalg.norm(self._from_axis(middle), axis=-1))

    def _from_axis(self, points: np.ndarray) -> np.ndarray:
        """(x, z) from the axis, which leans back from the skull's centre to the neck's."""
        lean = np.clip((points[..., 1] - self.neck[1]) / (self.centre[1] - self.neck[1]), 0, 1)
        z = self.neck[2] + lean * (self.centre[2] - self.neck[2])
        return np.stack([points[..., 0], points[..., 2] - z], axis=-1)

    def _latitude(self, points: np.ndarray) -> np.ndarray:
        return np.arctan2(points[..., 1] - self.centre[1], np.linalg.norm(self._from_axis(points), axis=-1))

    def halves(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = self._from_axis(corners)
        second = d[..., 1].mean(axis=1) < 0
        phi = np.arctan2(d[..., 0], np.where(second[:, None], -d[..., 1], d[..., 1]))
        v = 0.02 + 0.96 * np.interp(self._latitude(corners), *self.knots)
        return second, np.stack([0.5 + U_PER_RADIAN * phi, v], axis=-1)


class HeelRuler(Ruler):
    """A segment whose first end is rounded, so that v keeps growing over the end face."""

    def __init__(self, line: Centreline, front: np.ndarray, corners: np.ndarray):
        self.line, self.front = line, front
        _, side, ahead = line.split(corners, front)
        self.radius = float(np.median(np.hypot(side, ahead)))
        t = self.along(corners)
        self.v_of_t = (0.02 - 0.96 * t.min() / np.ptp(t), 0.02 + 0.96 * (1 - t.min()) / np.ptp(t))

    def along(self, points: np.ndarray) -> np.ndarray:
        t, side, ahead = self.line.split(points, self.front)
        return cap(t, np.hypot(side, ahead), self.radius, self.radius)

    def halves(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        second, uv = super().halves(corners)
        uv[..., 1] = self.v_of_t[0] + (self.v_of_t[1] - self.v_of_t[0]) * self.along(corners)
        return second, uv
