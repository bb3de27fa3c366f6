"""Boxes, rods and balls collected into one coloured mesh."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

CUBE = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
CUBE_FACES = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
                       [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]])  # fmt: skip


class Solids:
    """Collects flat-shaded triangles with a colour each (linear RGB)."""

    def __init__(self) -> None:
        self._corners: list[np.ndarray] = []
        self._colors: list[np.ndarray] = []

    def add(
        self, vertices: Float[np.ndarray, "N 3"], faces: Int[np.ndarray, "F 3"], color: Float[np.ndarray, "3"]
    ) -> None:
        self._corners.append(np.asarray(vertices, dtype=np.float32)[faces].reshape(-1, 3))
        self._colors.append(np.repeat(np.asarray(color, dtype=np.float32)[None], 3 * len(faces), 0))

    def box(self, center, size, yaw: float, color) -> None:
        """An axis-aligned box turned by `yaw` about the vertical."""
        c, s = np.cos(yaw), np.sin(yaw)
        turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        self.add((CUBE * np.asarray(size)) @ turn.T + np.asarray(center), CUBE_FACES, color)

    def rod(self, start, end, radius: float, color, sides: int = 8) -> None:
        """A closed tube without caps between two points."""
        start, end = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
        axis = (end - start) / max(np.linalg.norm(end - start), 1e-9)
        e1 = np.cross(axis, [0.9, 0.1, 0.42])
        e1 /= np.linalg.norm(e1)
        e2 = np.cross(axis, e1)
        angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
        ring = radius * (np.cos(angle)[:, None] * e1 + np.sin(angle)[:, None] * e2)
        i, j = np.arange(sides), (np.arange(sides) + 1) % sides
        faces = np.concatenate([np.stack([i, j, j + sides], 1), np.stack([i, j + sides, i + sides], 1)])
        self.add(np.concatenate([start + ring, end + ring]), faces, color)

    def ball(self, center, radius: float, color) -> None:
        """A sphere of 8 x 12 patches."""
        lat, lon = np.linspace(-np.pi / 2, np.pi / 2, 9), np.arange(12) * np.pi / 6
        ring = np.stack([np.cos(lon), 0 * lon, np.sin(lon)], 1)
        points = np.cos(lat)[:, None, None] * ring + np.sin(lat)[:, None, None] * np.array([0, 1.0, 0])
        i, j = np.meshgrid(np.arange(8), np.arange(12), indexing="ij")
        a, b, c, d = 12 * i + j, 12 * i + (j + 1) % 12, 12 * (i + 1) + (j + 1) % 12, 12 * (i + 1) + j
        faces = np.concatenate(
            [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
        )
        self.add(np.asarray(center) + radius * points.reshape(-1, 3), faces, color)

    def place(self, other: Solids, turn: Float[np.ndarray, "3 3"], origin: Float[np.ndarray, "3"]) -> None:
        """Another collection's triangles, turned and moved: x = turn @ x + origin."""
        move = lambda v: (v @ np.asarray(turn).T + origin).astype(np.float32)  # noqa: E731
        self._corners += [move(v) for v in other._corners]
        self._colors += other._colors

    def merged(self) -> tuple[Float[np.ndarray, "N 3"], Int[np.ndarray, "F 3"], Float[np.ndarray, "N 3"]]:
        """(vertices, faces, vertex colours); a far tiny triangle when empty, so that no mesh is ever empty."""
        if not self._corners:
            self.add(
                np.array([[0, -90, 0], [0.01, -90, 0], [0, -90, 0.01]]),
                np.array([[0, 1, 2]]),
                np.full(3, 0.5),
            )
        v = np.concatenate(self._corners)
        return v, np.arange(len(v)).reshape(-1, 3), np.concatenate(self._colors)
