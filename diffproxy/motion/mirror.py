"""Left-right mirror of SMPL-X poses across the body's own x = 0 plane."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.motion.smplx_rest import BODY_JOINTS

_SIGN = np.array([1.0, -1.0, -1.0])  # a mirrored axis-angle vector keeps x and negates y, z
_SWAP = np.array(
    [
        BODY_JOINTS.index(n.replace("left", "?").replace("right", "left").replace("?", "right"))
        for n in BODY_JOINTS
    ]
)


def mirror_rotations(rotvec: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Axis-angle of the mirrored rotation; also turns a right-hand pose (as 15 x 3) into the left hand's."""
    return rotvec * _SIGN.astype(rotvec.dtype)


def mirror_hand(pose: Float[ndarray, "*batch 45"]) -> Float[ndarray, "*batch 45"]:
    """The other hand making the same shape."""
    return mirror_rotations(pose.reshape(*pose.shape[:-1], 15, 3)).reshape(pose.shape)


def mirror_body(body_pose: Float[ndarray, "*batch 63"]) -> Float[ndarray, "*batch 63"]:
    """The mirrored body pose: left and right joints change places."""
    joints = body_pose.reshape(*body_pose.shape[:-1], 21, 3)
    return mirror_rotations(joints[..., _SWAP[1:] - 1, :]).reshape(body_pose.shape)
