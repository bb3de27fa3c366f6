"""A table in front of a seated person: it hides the legs, and cameras stand on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from render_synth.cameras import Layout
from render_synth.colors import object_color
from render_synth.scenes.primitives import Solids

Rng = np.random.Generator
PELVIS, KNEES = 0, [4, 5]
THICK = 0.04  # metres of the table top
CLOTHES = 0.03  # metres that a table keeps from the skin beside and below it
OBJECT_TRIES = 8


@dataclass(frozen=True)
class Desk:
    """A table top; metres, world axes (y up, floor at y = 0).

    `center` is (x, z) of its middle, `heading` the angle of `ahead`, its axis away from the person, about the vertical.
    """

    center: Float[np.ndarray, "2"]
    heading: float
    width: float
    depth: float
    height: float  # of the upper side

    @property
    def ahead(self) -> Float[np.ndarray, "3"]:
        return np.array([np.sin(self.heading), 0.0, np.cos(self.heading)])

    @property
    def across(self) -> Float[np.ndarray, "3"]:
        return np.array([np.cos(self.heading), 0.0, -np.sin(self.heading)])

    def point(self, across: float, up: float, ahead: float) -> Float[np.ndarray, "3"]:
        """World position of a point given relative to the middle of the top, `up` above its surface."""
        middle = np.array([self.center[0], self.height + up, self.center[1]])
        return middle + across * self.across + ahead * self.ahead

    def covers(self, points: Float[np.ndarray, "N 3"], margin: float = 0.0) -> Bool[np.ndarray, " N"]:
        """Which points are above or below the top, or at most `margin` metres beside it."""
        offset = points - np.array([self.center[0], 0.0, self.center[1]])
        across, ahead = np.abs(offset @ self.across), np.abs(offset @ self.ahead)
        return (across < self.width / 2 + margin) & (ahead < self.depth / 2 + margin)


def front_of(joints: Float[np.ndarray, "55 3"]) -> Float[np.ndarray, "3"]:
    """Horizontal unit vector from the pelvis of a seated person to the middle of the knees."""
    front = (joints[KNEES].mean(0) - joints[PELVIS]).astype(float) * [1, 0, 1]
    return front / max(float(np.linalg.norm(front)), 1e-9)


def fit_desk(rng: Rng, vertices: Float[np.ndarray, "N 3"], joints: Float[np.ndarray, "55 3"]) -> Desk | None:
    """A table that the body does not touch, as near to the trunk as the arms allow, over the thighs.

    Returns None where no table of 0.6 to 0.84 m height fits.
    """
    front, pelvis = front_of(joints), joints[PELVIS].astype(float)
    heading = float(np.arctan2(front[0], front[2]))
    width, depth = rng.uniform(0.9, 1.8), rng.uniform(0.5, 0.85)
    heights = rng.permutation(np.linspace(0.6, 0.84, 13))
    for near in np.arange(0.14, 0.42, 0.04):
        middle = pelvis + (near + depth / 2) * front
        for height in heights:
            desk = Desk(middle[[0, 2]], heading, width, depth, float(height))
            y = vertices[desk.covers(vertices, CLOTHES), 1]
            touched = ((y > height - THICK - CLOTHES) & (y < height + 0.012)).any()
            if not touched and (y < height).any():
                return desk
    return None


def build_desk(s: Solids, rng: Rng, desk: Desk, layout: Layout, vertices: Float[np.ndarray, "N 3"]) -> None:
    """The table with legs or a closed front, and objects on it that touch neither the person nor a camera."""
    color, legs = object_color(rng), object_color(rng)
    top = desk.point(0, -THICK / 2, 0)
    s.box(top, (desk.width, THICK, desk.depth), desk.heading, color)
    under = desk.height - THICK
    for x in (-0.47, 0.47):
        for z in (-0.45, 0.45):
            foot = desk.point(x * desk.width, 0, z * desk.depth)
            s.rod((foot[0], 0, foot[2]), (foot[0], under, foot[2]), 0.02, legs, 6)
    if rng.random() < 0.35:  # a panel at the far side
        far = desk.point(0, 0, 0.48 * desk.depth)
        s.box((far[0], 0.55 * under, far[2]), (0.94 * desk.width, 0.9 * under, 0.02), desk.heading, legs)
    cameras = np.stack([c.center_world for c in layout.cameras])
    on_desk = vertices[desk.covers(vertices) & (vertices[:, 1] > desk.height)]
    for _ in range(int(rng.integers(0, OBJECT_TRIES + 1))):
        size = rng.uniform((0.05, 0.01, 0.05), (0.34, 0.16, 0.26))
        spot = desk.point(
            rng.uniform(-0.42, 0.42) * desk.width, size[1] / 2, rng.uniform(-0.4, 0.4) * desk.depth
        )
        radius = 0.5 * float(np.hypot(size[0], size[2]))
        near = np.concatenate([on_desk, cameras])[:, [0, 2]] - spot[[0, 2]]
        if np.linalg.norm(near, axis=1).min() > radius + 0.03:
            s.box(spot, size, desk.heading + rng.normal(0, 0.3), object_color(rng))
    if rng.random() < 0.3:
        _screen(s, rng, desk, cameras, on_desk)


def _screen(
    s: Solids, rng: Rng, desk: Desk, cameras: Float[np.ndarray, "C 3"], on_desk: Float[np.ndarray, "N 3"]
) -> None:
    """A screen at the far side of the desk, where no camera is behind it, in it or close to it."""
    w, h = rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.42)
    place = desk.point(rng.uniform(-0.3, 0.3) * desk.width, 0.06 + h / 2, 0.42 * desk.depth)
    ahead, across = (cameras - place) @ desk.ahead, np.abs((cameras - place) @ desk.across)
    over = cameras[:, 1] > place[1] + h / 2 + 0.02
    if ((ahead > -0.1) & (across < w / 2 + 0.3) & ~over).any():
        return
    if len(on_desk) and np.linalg.norm((on_desk - place)[:, [0, 2]], axis=1).min() < w / 2:
        return
    s.box(place, (w, h, 0.025), desk.heading, np.full(3, rng.uniform(0.01, 0.08)))
    s.box(desk.point(0, 0.005, 0.42 * desk.depth), (0.2, 0.01, 0.14), desk.heading, np.full(3, 0.1))
    foot = place - np.array([0, h / 2 + 0.06, 0])
    s.rod(foot, place, 0.02, np.full(3, 0.1), 6)
