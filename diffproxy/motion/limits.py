"""Joint limits, wide enough that they exclude broken motion capture but not athletes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from diffproxy.body.names import BODY_JOINT_NAMES
from diffproxy.geometry.rotations import swing_twist, to_matrix, to_rotvec
from diffproxy.motion.clip import Motion
from diffproxy.motion.skeleton import REST_OFFSETS, joint_index

# Largest rotation of each joint from rest, degrees, left and right alike.
LARGEST: dict[str, float] = {
    "hip": 150, "spine1": 60, "spine2": 50, "spine3": 50, "neck": 55, "head": 55, "knee": 165, "ankle": 65,
    "foot": 50, "collar": 50, "shoulder": 165, "elbow": 165, "wrist": 100,
}  # fmt: skip
KNEE_BACK, KNEE_ASIDE = 15.0, 40.0  # degrees of hyperextension, of turning or bending sideways
ELBOW_BACK = 25.0
WRIST_BEND = 85.0
ENDS = ("ankle", "foot", "wrist")  # where mocap breaks most: few markers, and exporters that flip the joint
MOST_REPAIRED = 0.7  # of a clip's frames; an end that is wrong more often rests in its zero pose instead


def within_limits(body_pose: Float[ndarray, "F 63"]) -> Bool[ndarray, " F"]:
    """(F,) bool: frames in which all 21 joints of `body_pose` (F, 63) are inside their limits."""
    return np.all(joints_within_limits(body_pose), axis=1)


def joints_within_limits(body_pose: Float[ndarray, "F 63"]) -> Bool[ndarray, "F 21"]:
    """(F, 21) bool: joints inside their limits."""
    pose = body_pose.reshape(-1, 21, 3)
    angle = np.degrees(np.linalg.norm(pose, axis=-1))
    good = angle <= np.array([LARGEST[name.split("_")[-1]] for name in BODY_JOINT_NAMES[1:]])
    for side in ("left", "right"):
        knee, elbow, wrist = (joint_index(f"{side}_{n}") for n in ("knee", "elbow", "wrist"))
        bend = np.degrees(pose[:, knee - 1])
        good[:, knee - 1] &= (bend[:, 0] > -KNEE_BACK) & (np.abs(bend[:, 1:]) < KNEE_ASIDE).all(axis=1)
        good[:, elbow - 1] &= np.degrees(elbow_flexion(pose[:, elbow - 1], side)) > -ELBOW_BACK
        swing, _ = swing_twist(to_matrix(pose[:, wrist - 1]), REST_OFFSETS[wrist])
        good[:, wrist - 1] &= np.degrees(np.linalg.norm(to_rotvec(swing), axis=-1)) < WRIST_BEND
    return good


def elbow_flexion(elbow: Float[ndarray, "F 3"], side: str) -> Float[ndarray, " F"]:
    """Flexion (F,) of the forearm from the rest direction, radians; negative for hyperextension."""
    axis = REST_OFFSETS[joint_index(f"{side}_wrist")]
    axis = axis / np.linalg.norm(axis)
    forearm = to_matrix(elbow) @ axis
    bend = np.arccos(np.clip(forearm @ axis, -1, 1))
    return np.where(forearm[:, 2] >= axis[2], bend, -bend)


def repair_ends(motion: Motion) -> Motion:
    """Replace rotations of ankles, toes and wrists outside their limits by those of the nearest valid frame.

    Without it, one flipped foot would exclude the pose of the whole body.

    Args:
        motion: The motion.

    Returns:
        The repaired motion.
    """
    pose = motion.body_pose.reshape(-1, 21, 3).copy()
    good = joints_within_limits(motion.body_pose)
    frames = np.arange(len(pose))
    for joint, name in enumerate(BODY_JOINT_NAMES[1:]):
        if name.split("_")[-1] not in ENDS or good[:, joint].all():
            continue
        fine = np.flatnonzero(good[:, joint])
        if len(fine) < (1 - MOST_REPAIRED) * len(frames):
            pose[~good[:, joint], joint] = 0.0
            continue
        right = np.clip(np.searchsorted(fine, frames), 0, len(fine) - 1)
        left = np.clip(right - 1, 0, None)
        nearer = np.where(frames - fine[left] <= fine[right] - frames, fine[left], fine[right])
        pose[:, joint] = np.where(good[:, joint, None], pose[:, joint], pose[nearer, joint])
    return replace(motion, body_pose=pose.reshape(len(pose), 63))
