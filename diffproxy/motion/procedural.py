"""Poses that free motion capture lacks (sitting, kneeling, squatting, lying), by rule; arms from captured poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.geometry.rotations import to_matrix, to_rotvec
from diffproxy.motion.clip import Motion
from diffproxy.motion.skeleton import joint_index


@dataclass(frozen=True)
class Posture:
    """Mean angles in degrees. Hips: flexion, abduction, external rotation; `second` replaces one of the legs."""

    hip: tuple[float, float, float]
    knee: float
    ankle: float
    lean: float  # of the pelvis, forward
    spine: float  # forward bend shared by the spine
    second: tuple[tuple[float, float, float], float, float] | None = None
    roll: float = 0.0  # of the whole body about its own long axis, for lying on a side
    spread: float = 8.0  # standard deviation of every angle


POSTURES: dict[str, Posture] = {
    "chair": Posture((85, 8, 4), 88, 0, 0, 8),
    "slouch": Posture((70, 10, 6), 75, -5, -20, 25),
    "desk": Posture((95, 8, 3), 95, -3, 12, 15),
    "legs_crossed_on_chair": Posture((85, 4, 0), 85, 0, -5, 10, second=((100, -10, 5), 75, 15)),
    "tailor": Posture((85, 45, 55), 125, 25, -10, 25, spread=6),
    "legs_stretched": Posture((85, 8, 3), 10, 15, -10, 20, spread=7),
    "kneel": Posture((15, 6, 0), 110, 40, 5, 5),
    "on_heels": Posture((70, 8, 0), 142, 45, 5, 8, spread=6),
    "one_knee": Posture((10, 4, 0), 95, 35, 5, 5, second=((88, 6, 3), 90, 0)),
    "squat": Posture((110, 18, 12), 125, -25, 15, 20, spread=7),
    "lie_on_back": Posture((10, 8, 8), 15, 25, -88, 0),
    "lie_on_front": Posture((0, 8, 5), 10, 40, 88, -5),
    "lie_on_side": Posture((45, 4, 3), 60, 20, -88, 15, roll=90),
}
_ARMS = [
    joint_index(f"{s}_{n}") - 1 for s in ("left", "right") for n in ("collar", "shoulder", "elbow", "wrist")
]
_HEAD = [joint_index(n) - 1 for n in ("neck", "head")]


def posture(rng: np.random.Generator, kind: str, donor: Float[ndarray, "63"]) -> tuple[ndarray, ndarray]:
    """One random variant of a posture.

    Args:
        rng: Source of the random numbers.
        kind: Name of the posture.
        donor: (63,) body pose that arms and head are taken from.

    Returns:
        Global orientation (3,) and body pose (63,), radians.
    """
    rule = POSTURES[kind]
    pose = np.zeros((21, 3))
    pose[_ARMS + _HEAD] = donor.reshape(21, 3)[_ARMS + _HEAD]

    def jitter(angle: float, width: float = 1.0) -> float:
        return float(np.radians(angle + width * rule.spread * rng.normal()))

    swapped = rng.random() < 0.5
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hip, knee, ankle = rule.hip, rule.knee, rule.ankle
        if rule.second is not None and (side == "left") == swapped:
            hip, knee, ankle = rule.second
        flexion, aside, outward = (jitter(a, w) for a, w in zip(hip, (1, 0.8, 0.8), strict=True))
        turns = to_matrix(np.array([[-flexion, 0, 0], [0, 0, sign * aside], [0, sign * outward, 0]]))
        # about its own axis, aside, then forward: aside means the same for a seated thigh as for a standing one
        pose[joint_index(f"{side}_hip") - 1] = to_rotvec(turns[0] @ turns[1] @ turns[2])
        pose[joint_index(f"{side}_knee") - 1, 0] = np.clip(jitter(knee), 0.0, np.radians(150))
        pose[joint_index(f"{side}_ankle") - 1, 0] = np.clip(
            jitter(ankle, 0.6), np.radians(-35), np.radians(50)
        )
    for name in ("spine1", "spine2", "spine3"):
        bend = [jitter(rule.spine / 3, 0.4), jitter(0, 0.5), jitter(0, 0.3)]
        pose[joint_index(name) - 1] = bend
    lean, roll = to_matrix(
        np.array([[jitter(rule.lean, 0.7), 0, jitter(0, 0.4)], [0, np.radians(rule.roll), 0]])
    )
    if rule.roll and rng.random() < 0.5:
        roll = roll.T
    return to_rotvec(lean @ roll), pose.reshape(63)


def procedural(rng: np.random.Generator, each: int, donors: Float[ndarray, "N 63"]) -> list[Motion]:
    """One motion of `each` unrelated frames for every kind of posture."""
    motions = []
    for kind in POSTURES:
        rows = [posture(rng, kind, donors[rng.integers(len(donors))]) for _ in range(each)]
        orient, body = (np.stack(column) for column in zip(*rows, strict=True))
        motions.append(Motion(orient, body, np.zeros((each, 3)), 1.0, f"rule/{kind}"))
    return motions
