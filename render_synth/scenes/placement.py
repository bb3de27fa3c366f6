"""Placement of objects: not in people, cameras or each other, and seldom between a camera and the subject."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth.cameras import Layout
from render_synth.scenes import furniture as fu
from render_synth.scenes.catalogue import Item
from render_synth.scenes.furniture import Furniture

Rng = np.random.Generator
Number = float | int


def far_from_rays(
    spot: Float[np.ndarray, "2"], layout: Layout, target: Float[np.ndarray, "3"], clear: Number
) -> bool:
    """Whether a spot on the floor keeps `clear` metres from every camera and from its line to the subject."""
    for camera in layout.cameras:
        a, b = camera.center_world[[0, 2]], target[[0, 2]]
        t = np.clip((spot - a) @ (b - a) / max((b - a) @ (b - a), 1e-9), 0, 1)
        if np.linalg.norm(spot - a - t * (b - a)) < clear:
            return False
    return True


class Ground:
    """The floor plan of a scene: people, cameras, and objects placed so far."""

    def __init__(
        self, layout: Layout, target: Float[np.ndarray, "3"], people: list[Float[np.ndarray, "_ 3"]]
    ):
        self.layout, self.target = layout, target
        self.people = [p[::20, [0, 2]].astype(np.float64) for p in people]
        self.taken: list[tuple[np.ndarray, float]] = []

    def free(self, spot: Float[np.ndarray, "2"], radius: Number, clear: Number) -> bool:
        """Whether a circle touches nobody and nothing, and keeps `clear` metres from lines of sight (< 0: need not).

        A camera is never inside it.
        """
        for points in self.people:
            if np.linalg.norm(points - spot, axis=1).min() < radius + 0.04:
                return False
        if any(np.linalg.norm(spot - at) < radius + r for at, r in self.taken):
            return False
        for camera in self.layout.cameras:
            if np.linalg.norm(camera.center_world[[0, 2]] - spot) < radius + 0.5:
                return False
        return clear < 0 or far_from_rays(spot, self.layout, self.target, radius + clear)

    def take(self, spot: Float[np.ndarray, "2"], radius: Number) -> None:
        self.taken.append((np.asarray(spot, float), float(radius)))


def furnish(
    rng: Rng, items: list[Item], ground: Ground, half: tuple[float, float], indoors: bool, held: Furniture
) -> None:
    """Add up to six pieces: along the walls, in the room, hanging; small objects on top of large ones."""
    floor, small, hanging = fu.floor_items(items), fu.small_items(items), fu.wall_items(items)
    for _ in range(int(rng.integers(1, 7))):
        if hanging and indoors and rng.random() < 0.12:
            _hang(rng, hanging[int(rng.integers(len(hanging)))], half, held)
            continue
        if not floor:
            return
        item = floor[int(rng.integers(len(floor)))]
        w, h, d = item.size or (1, 1, 1)
        radius = 0.5 * float(np.hypot(w, d))
        in_the_way = h < 1.3 and rng.random() < 0.12
        for _ in range(6):
            spot, turn = _spot(rng, half, w, d, indoors)
            if ground.free(spot, radius, -1 if in_the_way else (0.0 if h < 0.7 else 0.15)):
                placed = held.add(item, fu.yaw(turn), np.array([spot[0], 0, spot[1]]), fu.tint(rng))
                if placed is not None:
                    ground.take(spot, radius)
                    if small and 0.3 < h < 1.2 and rng.random() < 0.4:
                        _on_top(rng, small, held, spot, h)
                break


def _spot(rng: Rng, half: tuple[float, float], w: float, d: float, indoors: bool) -> tuple[np.ndarray, float]:
    """A position on the floor and a heading; indoors mostly with the back to a wall."""
    spot = rng.uniform(-1, 1, 2) * np.maximum(np.array(half) - 0.6 * max(w, d), 0.1)
    turn = float(rng.uniform(0, 2 * np.pi))
    if indoors and rng.random() < 0.65:
        wall = int(rng.integers(4))
        axis, sign = wall % 2, 1 if wall < 2 else -1
        spot[axis] = sign * (half[axis] - d / 2 - 0.04)
        # A model's front looks along +z: turn it away from its wall.
        turn = {(0, 1): -np.pi / 2, (0, -1): np.pi / 2, (1, 1): np.pi, (1, -1): 0.0}[axis, sign]
    return spot, turn


def _hang(rng: Rng, item: Item, half: tuple[float, float], held: Furniture) -> None:
    w, _, d = item.size or (1, 1, 1)
    spot, turn = np.zeros(2), 0.0
    wall = int(rng.integers(4))
    axis, sign = wall % 2, 1 if wall < 2 else -1
    spot[1 - axis] = rng.uniform(-1, 1) * max(half[1 - axis] - w, 0.1)
    spot[axis] = sign * (half[axis] - d / 2 - 0.01)
    turn = {(0, 1): -np.pi / 2, (0, -1): np.pi / 2, (1, 1): np.pi, (1, -1): 0.0}[axis, sign]
    held.add(item, fu.yaw(turn), np.array([spot[0], item.elevation, spot[1]]), fu.tint(rng))


def _on_top(
    rng: Rng, small: list[Item], held: Furniture, spot: Float[np.ndarray, "2"], height: float
) -> None:
    item = small[int(rng.integers(len(small)))]
    held.add(item, fu.yaw(float(rng.uniform(0, 6.3))), np.array([spot[0], height, spot[1]]), np.ones(3))
