"""Joint names and the kinematic tree of SMPL-X (55 joints)."""

from __future__ import annotations

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")

JOINT_NAMES: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "jaw", "left_eye_smplhf",
    "right_eye_smplhf",
    *(f"{side}_{finger}{k}" for side in ("left", "right") for finger in _FINGERS for k in (1, 2, 3)),
)  # fmt: skip

_HAND_PARENTS = tuple(
    root if k == 0 else start + 3 * f + k - 1
    for root, start in ((20, 25), (21, 40))
    for f in range(5)
    for k in range(3)
)

PARENTS: tuple[int, ...] = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15, *_HAND_PARENTS,
)  # fmt: skip

NUM_JOINTS = len(JOINT_NAMES)

NUM_BODY_JOINTS = 22
"""Pelvis to wrists, without face and fingers: the same in SMPL, SMPL-H and SMPL-X."""
BODY_JOINTS = slice(0, NUM_BODY_JOINTS)
BODY_JOINT_NAMES = JOINT_NAMES[BODY_JOINTS]
