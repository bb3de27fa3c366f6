"""Objects that people hold: sticks, balls, phones, bags, boxes; placed in the frame of the hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from render_synth.colors import object_color
from render_synth.scenes.primitives import Solids

Rng = np.random.Generator
HANDS = {
    "left": (20, 25, 28, 31, 1.0),
    "right": (21, 40, 43, 46, -1.0),
}  # wrist, index, middle, little finger, side


def hand_frame(
    joints: Float[np.ndarray, "55 3"], side: str
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """A rotation whose columns run across the palm, along the fingers and out of the palm; and where a fist grips."""
    wrist, index, middle, little, sign = HANDS[side]
    along = joints[middle] - joints[wrist]
    long = float(np.linalg.norm(along))
    along = along / max(long, 1e-9)
    across = joints[index] - joints[little]
    across = across - (across @ along) * along
    across = across / max(float(np.linalg.norm(across)), 1e-9)
    out = sign * np.cross(along, across)
    turn = np.stack([np.cross(along, out), along, out], 1)
    return turn, joints[wrist] + 0.95 * long * along + 0.028 * out


def stick(s: Solids, rng: Rng) -> None:
    long, at = rng.uniform(0.4, 1.9), rng.uniform(0.1, 0.9)
    s.rod((-at * long, 0, 0), ((1 - at) * long, 0, 0), rng.uniform(0.008, 0.02), object_color(rng))


def ball(s: Solids, rng: Rng) -> None:
    r = rng.uniform(0.03, 0.13)
    s.ball((0, 0.3 * r, r), r, object_color(rng))


def phone(s: Solids, rng: Rng) -> None:
    s.box((0, 0.02, 0.004), (0.075, 0.155, 0.01), 0.0, object_color(rng) * rng.uniform(0.1, 1.0))


def cup(s: Solids, rng: Rng) -> None:
    r, h = rng.uniform(0.03, 0.045), rng.uniform(0.08, 0.24)
    s.rod((-h / 2, 0, r), (h / 2, 0, r), r, object_color(rng), 14)
    s.rod((h / 2 - 0.004, 0, r), (h / 2, 0, r), r * 0.9, object_color(rng) * 0.4, 14)


def dumbbell(s: Solids, rng: Rng) -> None:
    half, r, color = rng.uniform(0.07, 0.1), rng.uniform(0.035, 0.09), object_color(rng) * rng.uniform(0.2, 1)
    s.rod((-half - 0.05, 0, 0), (half + 0.05, 0, 0), 0.014, np.full(3, 0.4))
    for sign in (-1, 1):
        start, end = sign * half, sign * (half + rng.uniform(0.03, 0.09))
        s.rod((start, 0, 0), (end, 0, 0), r, color, 12)
        for x in (start, end):
            s.rod((x - 0.002, 0, 0), (x + 0.002, 0, 0), r * 0.98, color * 0.9, 12)
            s.box((x, 0, 0), (0.004, 1.4 * r, 1.4 * r), 0.0, color)


def racket(s: Solids, rng: Rng) -> None:
    handle, wide, long, color = (
        rng.uniform(0.12, 0.35),
        rng.uniform(0.07, 0.13),
        rng.uniform(0.1, 0.17),
        object_color(rng),
    )
    s.rod((-0.08, 0, 0), (handle, 0, 0), 0.015, object_color(rng) * 0.3)
    angle = np.linspace(0, 2 * np.pi, 17)
    rim = np.stack([handle + long - long * np.cos(angle), wide * np.sin(angle), 0 * angle], 1)
    for a, b in pairwise(rim):
        s.rod(a, b, 0.008, color, 5)
    for t in np.linspace(-0.8, 0.8, 6):
        reach = wide * np.sqrt(1 - t * t)
        s.rod(
            (handle + long + t * long, -reach, 0),
            (handle + long + t * long, reach, 0),
            0.002,
            np.full(3, 0.7),
            4,
        )


def paper(s: Solids, rng: Rng) -> None:
    w, h = rng.uniform(0.12, 0.35), rng.uniform(0.15, 0.4)
    s.box((0, 0.45 * h, 0.006), (w, h, rng.uniform(0.002, 0.03)), 0.0, object_color(rng))


GRIPPED: tuple[Callable[[Solids, Rng], None], ...] = (stick, stick, ball, phone, cup, dumbbell, racket, paper)


def bag(s: Solids, rng: Rng, grip: Float[np.ndarray, "3"]) -> None:
    """Hangs straight down from the hand in any pose; stops above the floor."""
    size, drop, yaw = (
        rng.uniform((0.15, 0.15, 0.06), (0.5, 0.45, 0.25)),
        rng.uniform(0.05, 0.3),
        rng.uniform(0, 3),
    )
    color = object_color(rng)
    top = max(float(grip[1]) - drop, 0.02 + size[1])
    side = 0.35 * size[0] * np.array([np.cos(yaw), 0, -np.sin(yaw)])
    middle = np.array([grip[0], top, grip[2]])
    for sign in (-1, 1):
        s.rod(grip, middle + sign * side, rng.uniform(0.004, 0.015), color * 0.7, 6)
    s.box(middle - [0, size[1] / 2, 0], size, yaw, color)


def carried(s: Solids, rng: Rng, joints: Float[np.ndarray, "55 3"]) -> bool:
    """A box between both palms, where these are 0.15 to 0.7 m apart and face each other; else False."""
    (left, a), (right, b) = hand_frame(joints, "left"), hand_frame(joints, "right")
    way = b - a
    gap = float(np.linalg.norm(way))
    way = way / max(gap, 1e-9)
    if not 0.15 < gap < 0.7 or left[:, 2] @ way < 0.4 or right[:, 2] @ way > -0.4:
        return False
    up = left[:, 1] + right[:, 1]
    up = up - (up @ way) * way
    up = up / max(float(np.linalg.norm(up)), 1e-9)
    inner = Solids()
    inner.box((0, 0, 0), (gap - 0.02, rng.uniform(0.12, 0.4), rng.uniform(0.12, 0.4)), 0.0, object_color(rng))
    s.place(inner, np.stack([way, up, np.cross(way, up)], 1), (a + b) / 2)
    return True


def hold(s: Solids, rng: Rng, joints: Float[np.ndarray, "55 3"]) -> list[str]:
    """With probability 0.25, an object in one or both hands; returns the names."""
    if rng.random() >= 0.25:
        return []
    joints = np.asarray(joints, np.float64)
    if rng.random() < 0.3 and carried(s, rng, joints):
        return ["carried box"]
    sides = ["left", "right"] if rng.random() < 0.3 else [str(rng.choice(["left", "right"]))]
    names = []
    for side in sides:
        turn, grip = hand_frame(joints, side)
        if rng.random() < 0.18:
            bag(s, rng, grip)
            names.append("bag")
            continue
        kind = GRIPPED[int(rng.integers(len(GRIPPED)))]
        inner = Solids()
        kind(inner, rng)
        s.place(inner, turn, grip)
        names.append(kind.__name__)
    return names
