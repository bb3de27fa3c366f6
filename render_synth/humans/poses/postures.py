"""Procedural everyday poses from a few joint angles."""

from __future__ import annotations

import numpy as np

from diffproxy.geometry.rotations import axis_rotation

Number = float | int  # beartype, used in the tests, does not accept an int for a float
JOINTS = {
    "l_hip": 1, "r_hip": 2, "spine1": 3, "l_knee": 4, "r_knee": 5, "spine2": 6, "l_ankle": 7, "r_ankle": 8,
    "spine3": 9, "l_foot": 10, "r_foot": 11, "neck": 12, "l_collar": 13, "r_collar": 14, "head": 15,
    "l_shoulder": 16, "r_shoulder": 17, "l_elbow": 18, "r_elbow": 19, "l_wrist": 20, "r_wrist": 21,
}  # fmt: skip
SPREAD = {
    "spine": 6, "neck": 12, "head": 10, "collar": 5, "hip": 6, "knee": 2, "ankle": 7, "foot": 2, "shoulder": 8,
    "elbow": 4, "wrist": 14,
}  # fmt: skip
CHANCE = (0.2, 0.22, 0.12, 0.07, 0.08, 0.12, 0.05, 0.06, 0.08)  # of `POSTURES`


class Angles:
    """Body pose under construction: axis-angle per joint in degrees, in the T-pose's axes (y up, facing +z)."""

    def __init__(self) -> None:
        self.deg = np.zeros((22, 3))

    def add(self, joint: str, x: Number = 0, y: Number = 0, z: Number = 0) -> None:
        self.deg[JOINTS[joint]] += (x, y, z)

    def both(self, joint: str, x: Number = 0, y: Number = 0, z: Number = 0) -> None:
        """The same movement on both sides; y and z are those of the left."""
        self.add("l_" + joint, x, y, z)
        self.add("r_" + joint, x, -y, -z)

    def body_pose(self) -> np.ndarray:
        return np.radians(self.deg[1:]).ravel()


def hang_arms(pose: Angles, rng: np.random.Generator) -> None:
    """Arms down beside the body, elbows a little bent; each side its own."""
    for side, s in (("l_", 1.0), ("r_", -1.0)):
        pose.add(side + "shoulder", rng.normal(0, 10), s * rng.normal(-5, 10), s * rng.uniform(-80, -50))
        pose.add(side + "elbow", 0, s * -abs(rng.normal(15, 15)), s * rng.normal(0, 5))


def free_arm(pose: Angles, rng: np.random.Generator, side: str) -> None:
    s = 1.0 if side == "l_" else -1.0
    pose.add(side + "shoulder", rng.normal(0, 25), s * rng.uniform(-80, 25), s * rng.uniform(-80, 70))
    pose.add(side + "elbow", 0, s * -rng.uniform(0, 130), s * rng.normal(0, 15))


def loosen(pose: Angles, rng: np.random.Generator, share: float = 1.0) -> None:
    """Move every joint a little, by `share` of its `SPREAD`."""
    for joint in JOINTS:
        pose.add(joint, *rng.normal(0, share * SPREAD[joint.rstrip("123").split("_")[-1]], 3))


def stand(pose: Angles, rng: np.random.Generator) -> None:
    hang_arms(pose, rng)


def walk(pose: Angles, rng: np.random.Generator) -> None:
    hang_arms(pose, rng)
    swing = rng.uniform(-28, 28)
    pose.add("l_hip", -swing)
    pose.add("r_hip", swing)
    pose.add("l_knee", abs(rng.normal(8, 8)) + max(0.0, -swing) * rng.uniform(0.5, 2))
    pose.add("r_knee", abs(rng.normal(8, 8)) + max(0.0, swing) * rng.uniform(0.5, 2))
    pose.add("l_shoulder", 0, swing * rng.uniform(0.3, 1.2))
    pose.add("r_shoulder", 0, swing * rng.uniform(0.3, 1.2))


def arms_out(pose: Angles, rng: np.random.Generator) -> None:
    pose.both("shoulder", rng.normal(0, 10), rng.normal(-5, 10), rng.uniform(-35, 25))
    pose.both("elbow", 0, -abs(rng.normal(10, 15)))
    swing = rng.uniform(-20, 20)
    pose.add("l_hip", -swing)
    pose.add("r_hip", swing)
    pose.both("knee", abs(rng.normal(0, 12)))


def sit(pose: Angles, rng: np.random.Generator) -> None:
    hang_arms(pose, rng)
    pose.both("hip", rng.uniform(-100, -70), rng.normal(8, 6))
    pose.both("knee", rng.uniform(60, 100))
    pose.both("shoulder", 0, rng.uniform(-40, 0))


def bend(pose: Angles, rng: np.random.Generator) -> None:
    angle = rng.uniform(20, 80)
    for joint, share in (("spine1", 0.25), ("spine2", 0.2), ("spine3", 0.15)):
        pose.add(joint, angle * share)
    pose.both("hip", -angle * 0.6)
    pose.both("knee", abs(rng.normal(0, 20)))
    for side in ("l_", "r_"):
        free_arm(pose, rng, side)


def reach(pose: Angles, rng: np.random.Generator) -> None:
    """One arm anywhere, the other one down."""
    hang_arms(pose, rng)
    side = str(rng.choice(["l_", "r_"]))
    for j in ("shoulder", "elbow"):
        pose.deg[JOINTS[side + j]] = 0
    free_arm(pose, rng, side)


def squat(pose: Angles, rng: np.random.Generator) -> None:
    depth = rng.uniform(30, 100)
    pose.both("hip", -depth)
    pose.both("knee", depth)
    pose.add("spine1", rng.uniform(0, 25))
    for side in ("l_", "r_"):
        free_arm(pose, rng, side)


def lunge(pose: Angles, rng: np.random.Generator) -> None:
    """One leg far ahead, the other one behind."""
    hang_arms(pose, rng)
    depth = rng.uniform(30, 100)
    pose.add("l_hip", -depth)
    pose.add("l_knee", depth)
    pose.add("r_hip", rng.uniform(10, 30))
    pose.add("r_knee", rng.uniform(20, 70))
    pose.add("spine1", rng.uniform(0, 25))


def free(pose: Angles, rng: np.random.Generator) -> None:
    """Arms and legs anywhere."""
    for side, s in (("l_", 1.0), ("r_", -1.0)):
        free_arm(pose, rng, side)
        pose.add(side + "hip", rng.uniform(-90, 25), s * rng.normal(0, 15), s * rng.uniform(-5, 40))
        pose.add(side + "knee", rng.uniform(0, 110))


POSTURES = (stand, walk, arms_out, sit, bend, reach, squat, lunge, free)


def sample_body_pose(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A random everyday posture: (body_pose (63,) radians, the name of its function)."""
    posture = POSTURES[int(rng.choice(len(POSTURES), p=CHANCE))]
    pose = Angles()
    posture(pose, rng)
    loosen(pose, rng)
    return pose.body_pose(), posture.__name__


def balance(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """As on a beam or in a dance: arms stretched out, trunk and all leaning, often one leg off the ground.

    Returns body_pose (63,) in radians and the lean of the whole body, a rotation (3, 3) in its own axes.
    """
    pose = Angles()
    bend, aside = rng.normal(5, 15), rng.normal(0, 15)
    for joint in ("spine1", "spine2", "spine3"):
        pose.add(joint, bend / 3, rng.normal(0, 6), aside / 3)
    for side, s in (("l_", 1.0), ("r_", -1.0)):
        if rng.random() < 0.2:
            free_arm(pose, rng, side)
        else:
            pose.add(side + "shoulder", rng.normal(0, 20), s * rng.normal(-5, 25), s * rng.uniform(-50, 75))
            pose.add(side + "elbow", 0, s * -abs(rng.normal(8, 20)), s * rng.normal(0, 5))
    stands, other = ("l_", "r_") if rng.random() < 0.5 else ("r_", "l_")
    knee = abs(rng.normal(5, 18))
    pose.add(stands + "hip", -0.5 * knee + rng.normal(0, 8), 0, rng.normal(0, 5))
    pose.add(stands + "knee", knee)
    lifted, s = rng.random() < 0.6, 1.0 if other == "l_" else -1.0
    swing, apart = (
        (rng.uniform(-75, 35), rng.uniform(-5, 45)) if lifted else (rng.normal(-8, 15), rng.uniform(-5, 12))
    )
    pose.add(other + "hip", swing, 0, s * apart)
    pose.add(other + "knee", rng.uniform(0, 85) if lifted else abs(rng.normal(5, 18)))
    loosen(pose, rng, 0.7)
    lean = axis_rotation(2, np.radians(rng.normal(0, 14))) @ axis_rotation(0, np.radians(rng.normal(0, 9)))
    return pose.body_pose(), lean


def sample_hand_pose(rng: np.random.Generator, side: str) -> np.ndarray:
    """Finger rotations (45,) relative to the flat hand: a shared curl plus per-finger variation."""
    s = -1.0 if side == "left" else 1.0
    curl = rng.choice([rng.uniform(0, 15), rng.uniform(10, 45), rng.uniform(45, 85)], p=[0.35, 0.45, 0.2])
    deg = np.zeros((5, 3, 3))  # index, middle, pinky, ring, thumb x 3 joints
    for finger in range(4):
        bend = np.clip(curl + rng.normal(0, 14), -8, 90)
        deg[finger, :, 2] = s * bend * np.array([0.9, 1.0, 0.7])
        deg[finger, 0, 1] = rng.normal(0, 6)
    deg[4] = rng.normal(0, 12, (3, 3))
    deg[4, 1:, 1] += -s * curl * rng.uniform(0, 0.4)
    return np.radians(deg).ravel()
