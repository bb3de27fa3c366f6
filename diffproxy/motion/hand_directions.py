"""Finger bone directions to SMPL-X hand pose: rotations of a RIGHT hand relative to the flat hand.

Palm axes of a right hand in SMPL-X rest: fingers along -x, back of the hand +y, thumb side +z.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.geometry.directions import rotation_between
from diffproxy.geometry.rotations import axis_rotation, to_matrix, to_rotvec

FINGERS = ("index", "middle", "pinky", "ring", "thumb")  # SMPL-X order, three joints each

# Nominal bone directions of the flat right hand, palm axes: fingers straight and slightly spread, the thumb in the
# plane of the palm at some fifty degrees, its outer bones bent a little. To about five degrees.
_FLAT = {
    "index": [(-1.0, 0.0, 0.05)] * 3,
    "middle": [(-1.0, 0.0, 0.0)] * 3,
    "pinky": [(-1.0, 0.0, -0.16)] * 3,
    "ring": [(-1.0, 0.0, -0.07)] * 3,
    "thumb": [(-0.64, 0.0, 0.77), (-0.74, -0.2, 0.64), (-0.74, -0.2, 0.64)],
}
FLAT_DIRECTIONS: np.ndarray = np.array([_FLAT[f] for f in FINGERS])  # (5, 3, 3): finger, bone, xyz
FLAT_DIRECTIONS /= np.linalg.norm(FLAT_DIRECTIONS, axis=-1, keepdims=True)
FLAT_DIRECTIONS.setflags(write=False)


def palm_axes(
    wrist: Float[ndarray, "3"],
    index: Float[ndarray, "3"],
    middle: Float[ndarray, "3"],
    pinky: Float[ndarray, "3"],
) -> Float[ndarray, "3 3"]:
    """Rows: palm axes of a right hand, from the wrist and three knuckles."""
    fingers = middle - wrist
    fingers = fingers / np.linalg.norm(fingers)
    thumb_side = index - pinky
    thumb_side = thumb_side - fingers * (thumb_side @ fingers)
    thumb_side = thumb_side / np.linalg.norm(thumb_side)
    return np.stack([-fingers, np.cross(thumb_side, -fingers), thumb_side])


def calibrate(flat: Float[ndarray, "5 3 3"], bend: float = 0.0) -> Float[ndarray, "3 3"]:
    """Rotation that brings the four proximal bones of a source's own flat hand to the nominal direction.

    A wrist marker off the hand's axis tilts the palm axes; one flat pose shows by how much. `bend` (radians) is how
    far the knuckles of that pose are bent all the same.
    """
    wanted = axis_rotation(2, bend) @ FLAT_DIRECTIONS[:4, 0].mean(axis=0)
    return rotation_between(flat[:4, 0].mean(axis=0), wanted)


def hand_pose(directions: Float[ndarray, "5 3 3"]) -> Float[ndarray, "45"]:
    """Axis-angle (radians) of the 15 right-hand joints from bone directions (finger, bone, xyz) in palm axes.

    Each bone takes the shortest turn from its parent's, so joint positions are exact and fingers do not twist.
    """
    pose = np.zeros((5, 3, 3))
    for finger in range(5):
        parent = np.eye(3)
        for bone in range(3):
            here = rotation_between(parent @ FLAT_DIRECTIONS[finger, bone], directions[finger, bone]) @ parent
            pose[finger, bone] = to_rotvec(parent.T @ here)
            parent = here
    return pose.reshape(45)


def bone_directions(pose: Float[ndarray, "45"]) -> Float[ndarray, "5 3 3"]:
    """The inverse of `hand_pose`: where the bones of a right hand point, in palm axes."""
    out = np.zeros((5, 3, 3))
    local = to_matrix(pose.reshape(5, 3, 3))
    for finger in range(5):
        turn = np.eye(3)
        for bone in range(3):
            turn = turn @ local[finger, bone]
            out[finger, bone] = turn @ FLAT_DIRECTIONS[finger, bone]
    return out
