"""Equipment around the subject: decks, mats, seats, tables in front, ropes and poles."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth.colors import object_color
from render_synth.scenes.placement import Ground
from render_synth.scenes.primitives import Solids

Rng = np.random.Generator
PELVIS, KNEES = 0, (4, 5)


def deck(s: Solids, rng: Rng, height: float, yaw: float) -> None:
    """A treadmill's deck, a stage, a force-plate platform: the subject stands on it."""
    w, long, color = rng.uniform(0.8, 2.4), rng.uniform(1.6, 4.0), object_color(rng) * rng.uniform(0.15, 1)
    s.box((0, height / 2, 0), (w, height, long), yaw, color)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    at = lambda x, y, z: turn @ np.array([x, y, z])  # noqa: E731
    belt = Solids()
    belt.box((0, 0, 0), (0.6 * w, 0.006, 0.94 * long), 0.0, object_color(rng) * rng.uniform(0.1, 0.6))
    for x in (-0.4, 0.4):
        belt.box((x * w, 0.002, 0), (0.02, 0.012, 0.9 * long), 0.0, np.full(3, rng.uniform(0.2, 0.8)))
    s.place(belt, turn, np.array([0, height, 0]))
    for _ in range(int(rng.integers(0, 5))):  # posts and knobs at the corners
        x, z = rng.choice([-0.46, 0.46]) * w, rng.choice([-0.46, 0.46]) * long
        h = rng.uniform(0.05, 0.25) if rng.random() < 0.7 else rng.uniform(0.7, 1.2)
        s.rod(at(x, height, z), at(x, height + h, z), rng.uniform(0.02, 0.06), object_color(rng) * 0.3)


def mats(s: Solids, rng: Rng, ground: Ground, reach: float) -> None:
    """Gym mats on the floor, mostly of one colour, some of them thick."""
    color = object_color(rng)
    for _ in range(int(rng.integers(1, 6))):
        spot, h = rng.uniform(-1, 1, 2) * reach, rng.choice([0.03, 0.06, 0.2, 0.35])
        w, d = rng.uniform(0.9, 1.6), rng.uniform(1.5, 2.6)
        if ground.free(spot, 0.5 * float(np.hypot(w, d)), -1):
            ground.take(spot, 0.5 * float(np.hypot(w, d)))
            yaw = float(rng.choice([0, np.pi / 2])) + rng.normal(0, 0.05)
            s.box(
                (spot[0], h / 2, spot[1]), (w, h, d), yaw, color if rng.random() < 0.8 else object_color(rng)
            )
            s.box((spot[0], h * 0.6, spot[1]), (w + 0.004, 0.1 * h, d + 0.004), yaw, object_color(rng))


def seat(
    s: Solids, rng: Rng, vertices: Float[np.ndarray, "N 3"], joints: Float[np.ndarray, "55 3"], floor: float
) -> bool:
    """A box or stool under a seated person (hips as low as knees), where no body part is in its way; False: none."""
    pelvis, knees = joints[PELVIS].astype(float), joints[list(KNEES)].astype(float)
    if not 0.3 < pelvis[1] - floor < 0.75 or np.abs(knees[:, 1] - pelvis[1]).max() > 0.28:
        return False
    front = knees.mean(0) - pelvis
    front = np.array([front[0], 0, front[2]])
    if np.linalg.norm(front) < 0.15:
        return False
    front /= np.linalg.norm(front)
    side = np.array([front[2], 0, -front[0]])
    local = np.stack([(vertices - pelvis) @ side, vertices[:, 1], (vertices - pelvis) @ front], 1)
    w, back, fore = rng.uniform(0.36, 0.6), rng.uniform(0.18, 0.4), rng.uniform(0.08, 0.22)
    over = (np.abs(local[:, 0]) < w / 2) & (local[:, 2] > -back) & (local[:, 2] < fore)
    if not over.any():
        return False
    top = float(local[over, 1].min()) - 0.004
    if top - floor < 0.2 or top > pelvis[1]:  # feet or hands are in the way
        return False
    middle = pelvis + front * (fore - back) / 2
    yaw = float(np.arctan2(front[0], front[2]))
    color, deep = object_color(rng), fore + back
    if rng.random() < 0.5:
        s.box((middle[0], (top + floor) / 2, middle[2]), (w, top - floor, deep), yaw, color)
    else:
        s.box((middle[0], top - 0.02, middle[2]), (w, 0.04, deep), yaw, color)
        for x in (-0.45, 0.45):
            for z in (-0.45, 0.45):
                foot = middle + side * x * w + front * z * deep
                s.rod((foot[0], floor, foot[2]), (foot[0], top - 0.02, foot[2]), 0.015, color * 0.5, 6)
    rest = local[np.abs(local[:, 0]) < w / 2]
    if rng.random() < 0.5 and rest[(rest[:, 1] > top + 0.05), 2].min() > -back:  # a back that touches nobody
        plate = middle - front * (deep / 2 - 0.01)
        s.box((plate[0], top + 0.25, plate[2]), (w, 0.5, 0.03), yaw, color)
    return True


def table_before(
    s: Solids, rng: Rng, ground: Ground, vertices: Float[np.ndarray, "N 3"], floor: float
) -> bool:
    """A table or counter right beside the subject: it hides the legs from some cameras. False where it does not fit."""
    middle = (vertices.min(0) + vertices.max(0)) / 2
    heading = rng.uniform(0, 2 * np.pi)
    way, across = (
        np.array([np.sin(heading), 0, np.cos(heading)]),
        np.array([np.cos(heading), 0, -np.sin(heading)]),
    )
    w, d, h = rng.uniform(0.8, 1.8), rng.uniform(0.4, 0.8), floor + rng.uniform(0.65, 1.05)
    local = np.stack([(vertices - middle) @ across, (vertices - middle) @ way], 1)
    near = local[np.abs(local[:, 0]) < w / 2 + 0.05, 1].max() + rng.uniform(0.05, 0.3)
    at = middle + way * (near + d / 2)
    if near > 0.8 or not ground.free(at[[0, 2]], 0.2, -1):
        return False
    for camera in ground.layout.cameras:
        if np.linalg.norm((camera.center_world - at)[[0, 2]]) < np.hypot(w, d) / 2 + 0.25:
            return False
    ground.take(at[[0, 2]], float(np.hypot(w, d)) / 2)
    yaw, color, legs = heading, object_color(rng), object_color(rng)
    s.box((at[0], h - 0.02, at[2]), (w, 0.04, d), yaw, color)
    if rng.random() < 0.4:  # a counter, closed in front
        s.box((at[0], h / 2, at[2]), (w * 0.96, h - 0.05, d * 0.9), yaw, legs)
    else:
        for x in (-0.46, 0.46):
            for z in (-0.45, 0.45):
                foot = at + across * x * w + way * z * d
                s.rod((foot[0], 0, foot[2]), (foot[0], h - 0.02, foot[2]), 0.02, legs, 6)
    for _ in range(int(rng.integers(0, 6))):
        size = rng.uniform((0.04, 0.05, 0.04), (0.35, 0.35, 0.3))
        spot = at + across * rng.uniform(-0.4, 0.4) * w + way * rng.uniform(-0.3, 0.3) * d
        s.box((spot[0], h + size[1] / 2, spot[2]), size, rng.uniform(0, 3), object_color(rng))
    return True


def strands(s: Solids, rng: Rng, ground: Ground) -> None:
    """Ropes, cables and poles across the image: thin, sagging, between the subject and a camera."""
    camera = ground.layout.cameras[int(rng.integers(len(ground.layout.cameras)))].center_world
    middle = camera + rng.uniform(0.4, 0.9) * (ground.target - camera)
    way = rng.normal(0, 1, 3) * [1, 0.4, 1]
    way /= np.linalg.norm(way)
    long, sag, r, color = (
        rng.uniform(0.8, 2.5),
        rng.uniform(0, 0.3),
        rng.uniform(0.003, 0.015),
        object_color(rng),
    )
    t = np.linspace(-1, 1, 9)
    points = middle + t[:, None] * long * way - (1 - t[:, None] ** 2) * [0, sag, 0]
    points[:, 1] = np.maximum(points[:, 1], 0.02)
    for a, b in zip(points[:-1], points[1:], strict=True):  # noqa: RUF007
        s.rod(a, b, r, color, 5)
