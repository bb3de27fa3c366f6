"""Rooms with skirting, doors, windows and ceilings; places outdoors; photographs on and as walls."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from render_synth.colors import object_color
from render_synth.scenes import lights, textures
from render_synth.scenes.mesh_parts import Lamp, Panel, Quad
from render_synth.scenes.primitives import Solids

Rng = np.random.Generator
SIDES = ((0, -1), (0, 1), (1, -1), (1, 1))  # axis (x or z) and sign of the four walls


@dataclass
class Place:
    """Rectangles and lights of a place; the first rectangle is the floor."""

    quads: list[Quad]
    lamps: list[Lamp | Panel] = field(default_factory=list)
    ceiling: bool = False


@dataclass(frozen=True)
class Wall:
    """Coordinates on a wall: s metres to the right as seen from inside, y up, out towards the room."""

    axis: int
    sign: int
    half: tuple[float, float]

    @property
    def length(self) -> float:
        return 2 * self.half[1 - self.axis]

    def point(self, s: float, y: float, out: float) -> np.ndarray:
        """s is 0 at the middle; `out`: metres off the wall, into the room."""
        x = np.zeros(3)
        x[0 if self.axis == 0 else 2] = self.sign * (self.half[self.axis] - out)
        flip = 1 if (self.axis == 0) == (self.sign > 0) else -1
        x[2 if self.axis == 0 else 0] = s * flip
        x[1] = y
        return x

    def box(self, solids: Solids, s: float, y: float, w: float, h: float, thick: float, color) -> None:
        """A box on the wall: centre (s, y), size w x h, standing out by `thick`."""
        size = (thick, h, w) if self.axis == 0 else (w, h, thick)
        solids.box(self.point(s, y, thick / 2), size, 0.0, color)

    def quad(self, s: float, y: float, w: float, h: float, out: float, texture) -> Quad:
        a, b = self.point(s - w / 2, y - h / 2, out), self.point(s + w / 2, y - h / 2, out)
        return Quad(a, b - a, np.array([0, h, 0.0]), texture)


def indoor(
    rng: Rng, half: tuple[float, float], high: float, solids: Solids, images: tuple[str, ...]
) -> Place:
    """A room around the origin: three or four walls, often a ceiling, doors, windows, posters, pipes, cables."""
    hx, hz = half
    repeat = max(hx, hz) / rng.uniform(0.7, 2)
    corner, along, up = np.array([-hx, 0, hz]), np.array([2 * hx, 0, 0]), np.array([0, 0, -2 * hz])
    place = Place([Quad(corner, along, up, textures.floor(rng), repeat)])
    shared, trim = textures.wall(rng), object_color(rng)
    skirting = rng.random() < 0.5
    posters = 0
    for axis, sign in SIDES:
        if rng.random() > 0.93:
            continue
        wall = Wall(axis, sign, half)
        texture = shared if rng.random() < 0.6 else textures.wall(rng)
        if images and rng.random() < 0.12:
            texture = textures.photograph(images[int(rng.integers(len(images)))])
        # Mitsuba's bitmaps start at v = 0, so wall images are stored upside down.
        place.quads.append(wall.quad(0.0, high / 2, wall.length, high, 0.0, texture[::-1]))
        if skirting:
            wall.box(solids, 0.0, 0.05, wall.length, 0.1, 0.015, trim)
        if rng.random() < 0.35:
            _door(rng, wall, solids, trim)
        if rng.random() < 0.3 and sum(isinstance(p, Panel) for p in place.lamps) < 2:
            place.lamps.append(_window(rng, wall, high, solids, trim))
        if images and posters < 3 and rng.random() < 0.4:
            image = textures.photograph(images[int(rng.integers(len(images)))])
            h = rng.uniform(0.4, 1.3)
            w = min(h * image.shape[1] / image.shape[0], 0.8 * wall.length)
            s = rng.uniform(-0.5, 0.5) * (wall.length - w)
            place.quads.append(wall.quad(s, rng.uniform(1.2, 1.8), w, h, 0.02, image[::-1]))
            posters += 1
        for _ in range(int(rng.integers(0, 4))):  # boards, boxes, pipes, switches
            w, h = (
                (rng.uniform(0.05, 1.4), rng.uniform(0.05, 1.0)) if rng.random() < 0.7 else (0.05, 2 * high)
            )
            s = rng.uniform(-0.48, 0.48) * wall.length
            wall.box(solids, s, rng.uniform(0.3, 0.8) * high, w, h, rng.uniform(0.01, 0.1), object_color(rng))
    for _ in range(int(rng.integers(0, 4))):  # cables on the floor
        _cable(rng, solids, half)
    if rng.random() < 0.5:
        corner, along, up = np.array([-hx, high, -hz]), np.array([2 * hx, 0, 0]), np.array([0, 0, 2 * hz])
        place.quads.append(Quad(corner, along, up, textures.ceiling(rng), repeat))
        place.ceiling = True
        place.lamps += lights.ceiling_panels(rng, half, high)
        for _ in range(int(rng.integers(0, 3))):  # rails and beams
            y, x = high - rng.uniform(0.1, 0.4), rng.uniform(-1, 1) * hx
            solids.rod((x, y, -hz), (x, y, hz), rng.uniform(0.015, 0.06), object_color(rng))
    return place


def _door(rng: Rng, wall: Wall, solids: Solids, trim) -> None:
    w, h = rng.uniform(0.8, 1.0) * (2 if rng.random() < 0.15 else 1), rng.uniform(1.95, 2.1)
    s, color = rng.uniform(-0.5, 0.5) * (wall.length - w - 0.2), object_color(rng)
    wall.box(solids, s, h / 2, w + 0.14, h + 0.07, 0.03, trim)
    wall.box(solids, s, h / 2, w, h, 0.045, color)
    wall.box(solids, s + 0.4 * w, 1.02, 0.12, 0.03, 0.09, np.full(3, 0.4))


def _window(rng: Rng, wall: Wall, high: float, solids: Solids, trim) -> Panel:
    """Bright glass behind a frame, perhaps with blinds or curtains."""
    w, low = rng.uniform(0.8, 2.4), rng.uniform(0.3, 1.1)
    h = min(rng.uniform(1.0, 1.9), high - low - 0.25)
    s, y = rng.uniform(-0.5, 0.5) * max(wall.length - w - 0.3, 0), low + h / 2
    corners = [
        wall.point(s + a * w / 2, y + b * h / 2, 0.015) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    bars = int(rng.integers(1, 4))
    for t in np.linspace(-0.5, 0.5, bars + 1):
        wall.box(solids, s + t * w, y, 0.06, h + 0.06, 0.06, trim)
    for t in (-0.5, 0.5) if rng.random() < 0.6 else (-0.5, 0.1, 0.5):
        wall.box(solids, s, y + t * h, w + 0.06, 0.06, 0.06, trim)
    u = rng.random()
    if u < 0.3:
        slat = object_color(rng)
        for t in np.arange(rng.uniform(0.0, 0.5), 1.0, 0.06 / h):
            wall.box(solids, s, y + (t - 0.5) * h, w, 0.035, 0.05, slat)
    elif u < 0.55:
        cloth = object_color(rng)
        for side in (-1, 1):
            for fold in range(5):
                wall.box(
                    solids,
                    s + side * (w / 2 + 0.08 * fold - 0.16),
                    y,
                    0.05,
                    h + 0.4,
                    0.08 + 0.04 * (fold % 2),
                    cloth,
                )
    return Panel(np.stack(corners).astype(np.float32), lights.lamp_color(rng) ** 0.5 * rng.uniform(1.0, 8.0))


def _cable(rng: Rng, solids: Solids, half: tuple[float, float]) -> None:
    at, heading = rng.uniform(-0.9, 0.9, 2) * half, rng.uniform(0, 6.3)
    color, r = object_color(rng), rng.uniform(0.004, 0.012)
    for _ in range(int(rng.integers(4, 12))):
        heading += rng.normal(0, 0.5)
        step = at + rng.uniform(0.15, 0.5) * np.array([np.sin(heading), np.cos(heading)])
        solids.rod((at[0], r, at[1]), (step[0], r, step[1]), r, color, 4)
        at = step


def outdoor(rng: Rng, reach: float, images: tuple[str, ...]) -> Place:
    """A field or yard, with houses, hedges or large photographs around it."""
    corner, along, up = np.array([-25.0, 0, 25]), np.array([50.0, 0, 0]), np.array([0, 0, -50.0])
    place = Place([Quad(corner, along, up, textures.ground(rng), 25 / rng.uniform(0.9, 2))])
    for axis, sign in SIDES:
        if rng.random() < 0.4:
            far = reach + rng.uniform(1.5, 10)
            wall = Wall(axis, sign, (far, far))
            w, h = 2 * far * rng.uniform(0.5, 1.0), rng.uniform(1.2, 8)
            texture = textures.facade(rng)
            if images and rng.random() < 0.6:
                texture = textures.photograph(images[int(rng.integers(len(images)))])
                h = w * texture.shape[0] / texture.shape[1]
            place.quads.append(wall.quad(rng.normal(0, 0.1) * w, h / 2, w, h, 0.0, texture[::-1]))
    return place
