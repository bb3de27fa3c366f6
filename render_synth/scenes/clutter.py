"""Objects that stand around in labs, gyms and rooms, built from boxes and rods."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from render_synth.colors import object_color
from render_synth.scenes.placement import Ground
from render_synth.scenes.primitives import Solids


def crate(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    size = rng.uniform(0.15, 0.9, 3)
    s.box((x, size[1] / 2, z), size, rng.uniform(0, 3), object_color(rng))


def table(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    w, d, h, color = rng.uniform(0.7, 1.8), rng.uniform(0.5, 0.9), rng.uniform(0.6, 1.0), object_color(rng)
    s.box((x, h, z), (w, 0.04, d), 0.0, color)
    legs = object_color(rng)
    for sx in (-0.46, 0.46):
        for sz in (-0.45, 0.45):
            s.rod((x + sx * w, 0, z + sz * d), (x + sx * w, h, z + sz * d), 0.02, legs, 6)
    for _ in range(int(rng.integers(0, 6))):
        size = rng.uniform(0.05, 0.4, 3)
        s.box(
            (x + rng.uniform(-0.4, 0.4) * w, h + 0.02 + size[1] / 2, z + rng.uniform(-0.35, 0.35) * d),
            size,
            rng.uniform(0, 3),
            object_color(rng),
        )


def shelf(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    w, d, h, color = rng.uniform(0.6, 1.8), rng.uniform(0.3, 0.5), rng.uniform(1.0, 2.2), object_color(rng)
    for level in np.arange(0.1, h, rng.uniform(0.3, 0.5)):
        s.box((x, level, z), (w, 0.03, d), 0.0, color)
        at = -0.5 * w
        while at < 0.45 * w and rng.random() < 0.93:
            size = rng.uniform((0.03, 0.08, 0.1), (0.3, 0.3, 0.9 * d))
            s.box((x + at + size[0] / 2, level + 0.015 + size[1] / 2, z), size, 0.0, object_color(rng))
            at += size[0] + rng.uniform(0, 0.15)
    for sx in (-0.5, 0.5):
        s.box((x + sx * w, h / 2, z), (0.03, h, d), 0.0, color)


def tripod(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    h, color, start = rng.uniform(1.0, 2.0), object_color(rng) * 0.3, rng.uniform(0, 2)
    for a in start + np.arange(3) * 2 * np.pi / 3:
        s.rod((x + 0.45 * np.sin(a), 0, z + 0.45 * np.cos(a)), (x, 0.8 * h, z), 0.014, color, 6)
    s.rod((x, 0.6 * h, z), (x, h, z), 0.014, color, 6)
    s.box(
        (x, h, z),
        rng.uniform((0.05, 0.07, 0.03), (0.2, 0.2, 0.2)),
        rng.uniform(0, 3),
        object_color(rng) * 0.4,
    )


def treadmill(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    long, color = rng.uniform(1.4, 1.9), object_color(rng)
    s.box((x, 0.1, z), (0.8, 0.2, long), 0.0, object_color(rng) * 0.4)
    for sx in (-0.4, 0.4):
        s.rod((x + sx, 0.2, z + 0.4 * long), (x + sx, 1.2, z + 0.45 * long), 0.03, color)
        s.rod((x + sx, 1.0, z + 0.45 * long), (x + sx, 0.95, z - 0.1 * long), 0.025, color)
    s.box((x, 1.25, z + 0.45 * long), (0.8, 0.2, 0.1), 0.0, color)


def chair(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    color, flip = object_color(rng), rng.choice([-1, 1])
    s.box((x, 0.45, z), (0.45, 0.05, 0.45), 0.0, color)
    s.box((x, 0.75, z + flip * 0.22), (0.45, 0.5, 0.04), 0.0, color)
    for sx in (-0.2, 0.2):
        for sz in (-0.2, 0.2):
            s.rod((x + sx, 0, z + sz), (x + sx, 0.45, z + sz), 0.015, object_color(rng) * 0.5, 6)


def pole(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    s.rod(
        (x, 0, z),
        (x + rng.normal(0, 0.1), rng.uniform(1, 3.2), z + rng.normal(0, 0.1)),
        rng.uniform(0.01, 0.07),
        object_color(rng),
    )


def wall_bars(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    color, w = object_color(rng), rng.uniform(0.6, 1.2)
    for y in np.arange(0.2, rng.uniform(1.2, 2.6), rng.uniform(0.12, 0.3)):
        s.rod((x - w / 2, y, z), (x + w / 2, y, z), 0.018, color, 6)
    for sx in (-0.5, 0.5):
        s.box((x + sx * w, 1.2, z), (0.04, 2.4, 0.08), 0.0, color)


def screen(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    h, yaw = rng.uniform(1.0, 1.7), rng.uniform(0, 3)
    s.rod((x, 0, z), (x, h, z), 0.03, object_color(rng) * 0.3)
    s.box(
        (x, h, z),
        (rng.uniform(0.4, 1.2), rng.uniform(0.3, 0.8), 0.05),
        yaw,
        object_color(rng) * rng.uniform(0.1, 1),
    )


def ball(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    r, color = rng.uniform(0.1, 0.4), object_color(rng)
    for lat in np.linspace(-1.2, 1.2, 7):  # a stack of short tubes is round enough
        lo, hi = np.sin(lat - 0.2), np.sin(lat + 0.2)
        s.rod((x, r + r * lo, z), (x, r + r * hi, z), r * float(np.cos(lat)), color, 14)


def mat(s: Solids, rng: np.random.Generator, x: float, z: float) -> None:
    s.box(
        (x, 0.012, z), (rng.uniform(0.6, 2), 0.024, rng.uniform(0.6, 2)), rng.uniform(0, 3), object_color(rng)
    )


CLUTTER: tuple[Callable[[Solids, np.random.Generator, float, float], None], ...] = (
    crate, crate, table, shelf, shelf, tripod, tripod, treadmill, chair, pole, wall_bars, screen, ball, mat,
)  # fmt: skip


def scatter(
    s: Solids, rng: np.random.Generator, ground: Ground, half: tuple[float, float], indoors: bool, count: int
) -> None:
    """`count` attempts to place an object off the lines of sight; indoors mostly along the walls."""
    for _ in range(count):
        item = CLUTTER[rng.integers(len(CLUTTER))]
        spot = np.array([rng.uniform(-1, 1) * half[0], rng.uniform(-1, 1) * half[1]])
        if indoors and rng.random() < 0.6:
            side = int(rng.integers(2))
            spot[side] = np.sign(spot[side]) * (half[side] - 0.4)
        flat = item is mat
        if ground.free(spot, 0.1 if flat else 0.5, -1 if flat else 0.4):
            item(s, rng, float(spot[0]), float(spot[1]))
            if not flat:
                ground.take(spot, 0.4)


def beam(s: Solids, rng: np.random.Generator, height: float, yaw: float) -> None:
    """A long low beam through the origin, to walk on."""
    w, long, color = rng.uniform(0.08, 0.4), rng.uniform(2, 5), object_color(rng)
    s.box((0, height - 0.03, 0), (w, 0.06, long), yaw, color)
    for t in (-0.45, 0.0, 0.45):
        s.box(
            (np.sin(yaw) * t * long, (height - 0.06) / 2, np.cos(yaw) * t * long),
            (w * 1.5, height - 0.06, 0.1),
            yaw,
            object_color(rng) * 0.6,
        )


def occluder(s: Solids, rng: np.random.Generator, camera, target) -> None:
    """Something thin or small between a camera and the subject."""
    t = rng.uniform(0.35, 0.85)
    at = camera + t * (np.asarray(target) - camera)
    side = np.cross(np.asarray(target) - camera, [0, 1.0, 0])
    side /= max(np.linalg.norm(side), 1e-9)
    at = at + side * rng.normal(0, 0.25)
    u = rng.random()
    if u < 0.45:
        s.rod(
            (at[0], 0, at[2]),
            (at[0] + rng.normal(0, 0.2), 2.8, at[2]),
            rng.uniform(0.008, 0.05),
            object_color(rng),
        )
    elif u < 0.7:
        y = rng.uniform(0.5, 1.3)
        s.rod(
            at * [1, 0, 1] + [0, y, 0] - side,
            at * [1, 0, 1] + [0, y + rng.normal(0, 0.1), 0] + side,
            rng.uniform(0.008, 0.04),
            object_color(rng),
        )
    else:
        h = rng.uniform(0.3, 1.0)
        s.box(
            (at[0], h / 2, at[2]),
            (rng.uniform(0.2, 0.7), h, rng.uniform(0.2, 0.7)),
            rng.uniform(0, 3),
            object_color(rng),
        )
