"""Random fingers within anatomical limits: flexion coupled along a finger and between neighbours."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.geometry.rotations import to_matrix, to_rotvec
from diffproxy.motion.hand_directions import FINGERS, FLAT_DIRECTIONS

KNUCKLE = (-20.0, 90.0)  # flexion of the first joint, degrees
MIDDLE = (-5.0, 105.0)  # of the second; the third follows it at two thirds, as its tendon does
ASIDE = 15.0  # sideways play of a straight finger, degrees; a bent knuckle locks it
_PALMAR = np.array([0.0, -1.0, 0.0])


def flexion_axes() -> Float[ndarray, "4 3"]:
    """Axes (4, 3) about which the four fingers of a right hand flex, in palm axes of the SMPL-X rest pose."""
    axes = np.cross(FLAT_DIRECTIONS[:4, 0], _PALMAR)
    return axes / np.linalg.norm(axes, axis=1, keepdims=True)


def sample_fingers(rng: np.random.Generator) -> Float[ndarray, "45"]:
    """A random right-hand pose. The thumb stays at rest, since it has no simple synergy.

    Args:
        rng: Source of the random numbers.

    Returns:
        (45,) axis-angle, radians, relative to the flat hand.
    """
    order = [FINGERS.index(f) for f in ("index", "middle", "ring", "pinky")]
    # neighbours go together
    closing = rng.beta(0.8, 1.0) + 0.25 * np.cumsum(rng.normal(size=4)) * rng.uniform()
    lone = rng.random(4) < 0.12  # a finger that leaves the others: pointing, counting
    closing = np.where(lone, rng.uniform(size=4), np.clip(closing, 0, 1))
    curl = np.clip(closing + rng.normal(0, 0.2, 4), 0, 1)  # hooks, flat fists
    spread = np.clip(rng.normal(0, 6, 4) + rng.normal(0, 4) * np.array([-1.0, -0.3, 0.4, 1.0]), -ASIDE, ASIDE)
    knuckle = KNUCKLE[0] + closing * (KNUCKLE[1] - KNUCKLE[0])
    middle = MIDDLE[0] + curl * (MIDDLE[1] - MIDDLE[0])
    aside = spread * (1 - np.clip(knuckle / 70, 0, 1))
    bend = np.radians(np.stack([knuckle, middle, np.maximum(0, middle) * 2 / 3], axis=1))
    fingers = bend[..., None] * flexion_axes()[order][:, None]
    sideways = np.radians(aside)[:, None] * np.array([0.0, 1.0, 0.0])
    turns = to_matrix(np.concatenate([sideways, fingers[:, 0]]))
    fingers[:, 0] = to_rotvec(turns[:4] @ turns[4:])
    pose = np.zeros((5, 3, 3))
    pose[order] = fingers
    return pose.reshape(45)
