"""What a human joint can do, as generous bounds that catch broken mocap rather than athletes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from .rotations import split_twist, to_matrix
from .smplx_rest import BODY_JOINTS, REST_OFFSETS, joint_index

# Largest rotation of each joint from rest, degrees, left and right alike.
_LARGEST = {
    "hip": 150, "spine1": 60, "spine2": 50, "spine3": 50, "neck": 55, "head": 55, "knee": 165, "ankle": 70,
    "foot": 60, "collar": 50, "shoulder": 165, "elbow": 165, "wrist": 100,
}  # fmt: skip
KNEE_BACK, KNEE_ASIDE = 15.0, 40.0  # degrees of hyperextension, of turning or bending sideways
ELBOW_BACK = 25.0
WRIST_BEND = 90.0


def within_limits(body_pose: Float[ndarray, "F 63"]) -> Bool[ndarray, "F"]:
    """True for each frame whose 21 joints are all inside the bounds."""
    pose = body_pose.reshape(-1, 21, 3)
    angle = np.degrees(np.linalg.norm(pose, axis=-1))
    largest = np.array([_LARGEST[name.split("_")[-1]] for name in BODY_JOINTS[1:]])
    good = (angle <= largest).all(axis=1)
    for side in ("left", "right"):
        knee = np.degrees(pose[:, joint_index(f"{side}_knee") - 1])
        good &= (knee[:, 0] > -KNEE_BACK) & (np.abs(knee[:, 1:]) < KNEE_ASIDE).all(axis=1)
        good &= np.degrees(elbow_flexion(pose[:, joint_index(f"{side}_elbow") - 1], side)) > -ELBOW_BACK
        wrist = joint_index(f"{side}_wrist")
        bend, _ = split_twist(to_matrix(pose[:, wrist - 1]), REST_OFFSETS[wrist])
        good &= np.degrees(np.arccos(np.clip((np.trace(bend, axis1=1, axis2=2) - 1) / 2, -1, 1))) < WRIST_BEND
    return good


def elbow_flexion(elbow: Float[ndarray, "F 3"], side: str) -> Float[ndarray, "F"]:
    """Signed bend (radians) of the forearm against its rest line: ahead (+z in rest) is positive, wherever it goes up."""
    axis = REST_OFFSETS[joint_index(f"{side}_wrist")]
    axis = axis / np.linalg.norm(axis)
    forearm = to_matrix(elbow) @ axis
    bend = np.arccos(np.clip(forearm @ axis, -1, 1))
    return np.where(forearm[:, 2] >= axis[2], bend, -bend)
