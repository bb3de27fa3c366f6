"""Poses of people who sit: at a desk, in a meeting, on a sofa."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float

from render_synth.humans.poses.postures import Angles, free_arm, loosen

Side = Literal["l_", "r_"]
ARMS = ("table", "face", "lap", "free")
ARM_CHANCE = (0.55, 0.13, 0.14, 0.18)


def sample_seated_pose(rng: np.random.Generator) -> Float[np.ndarray, "63"]:
    """Body pose (axis-angle, radians) of a seated person with a trunk that is upright, bent forward or leaning back.

    Each arm rests on a table, touches the face, lies in the lap, or gestures.
    """
    pose = Angles()
    bend, twist, aside = rng.normal(6, 9), rng.normal(0, 9), rng.normal(0, 5)
    for joint in ("spine1", "spine2", "spine3"):
        pose.add(joint, bend / 3, twist / 3, aside / 3)
    pose.add("head", rng.normal(4, 9), rng.normal(0, 18), rng.normal(0, 5))
    pose.both("hip", rng.uniform(-98, -76), rng.normal(8, 7))
    # Shins hang down, are pulled back under the seat or stretched out; each leg on its own in one case in three.
    knee = rng.uniform(55, 112)
    pose.both("knee", knee)
    if rng.random() < 0.33:
        pose.add("l_knee", rng.uniform(45, 115) - knee)
    for side in ("l_", "r_"):
        seated_arm(pose, rng, side)
    loosen(pose, rng, 0.6)
    return pose.body_pose()


def seated_arm(pose: Angles, rng: np.random.Generator, side: Side) -> None:
    """Add one of `ARMS` to a pose whose trunk is upright."""
    s = 1.0 if side == "l_" else -1.0
    kind = str(rng.choice(ARMS, p=ARM_CHANCE))
    if kind == "free":
        free_arm(pose, rng, side)
        return
    if kind == "table":
        forward, down, elbow = rng.uniform(-60, -12), rng.uniform(-78, -52), rng.uniform(55, 105)
    elif kind == "face":
        forward, down, elbow = rng.uniform(-80, -45), rng.uniform(-55, -30), rng.uniform(115, 140)
    else:
        forward, down, elbow = rng.uniform(-25, 0), rng.uniform(-82, -66), rng.uniform(45, 80)
    pose.add(side + "shoulder", rng.normal(0, 10), s * forward, s * down)
    pose.add(side + "elbow", 0, -s * elbow)
