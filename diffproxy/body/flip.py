"""Left-right reflection (x → -x) of joints, poses and part labels."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from diffproxy.body.names import JOINT_NAMES, NUM_BODY_JOINTS

ROTVEC_SIGNS = (1.0, -1.0, -1.0)
"""A reflected axis-angle vector keeps x and negates y and z."""


def _flipped_joint(name: str) -> int:
    side, _, rest = name.partition("_")
    other = {"left": "right", "right": "left"}.get(side)
    return JOINT_NAMES.index(f"{other}_{rest}" if other else name)


FLIPPED_JOINTS: tuple[int, ...] = tuple(_flipped_joint(name) for name in JOINT_NAMES)
"""For each of the 55 joints its counterpart on the other side; joints on the midline are their own."""


def flip_rotvec(rotvec: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Axis-angle of the reflected rotation; for 15 x 3 values of a right-hand pose, the left-hand pose."""
    return rotvec * np.array(ROTVEC_SIGNS, dtype=rotvec.dtype)


def flip_hand_pose(pose: Float[ndarray, "*batch 45"]) -> Float[ndarray, "*batch 45"]:
    """The pose (..., 45) of the other hand with the same shape."""
    return flip_rotvec(pose.reshape(*pose.shape[:-1], 15, 3)).reshape(pose.shape)


def flip_body_pose(body_pose: Float[ndarray, "*batch 63"]) -> Float[ndarray, "*batch 63"]:
    """The reflected body pose (..., 63): left and right joints are exchanged."""
    joints = body_pose.reshape(*body_pose.shape[:-1], 21, 3)
    order = np.array(FLIPPED_JOINTS[1:NUM_BODY_JOINTS]) - 1
    return flip_rotvec(joints[..., order, :]).reshape(body_pose.shape)


def flipped_labels(names: dict[int, str]) -> Int[ndarray, "256"]:
    """(256,) label -> label of the same part on the other side (names ending in `_l`, `_r`); 0 without one."""
    table = np.zeros(256, dtype=np.int64)
    by_name = {name: label for label, name in names.items()}
    for label, name in names.items():
        other = {"_l": "_r", "_r": "_l"}.get(name[-2:])
        if other is not None:
            table[label] = by_name.get(name[:-2] + other, 0)
    return table
