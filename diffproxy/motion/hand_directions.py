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
    """Rotation from the four proximal bones of a source's flat hand to their nominal direction.

    A wrist marker that is not on the axis of the hand tilts the palm axes; one flat pose shows by how much.

    Args:
        flat: (5, 3, 3) bone directions (finger, bone, xyz) of the flat pose, in palm axes.
        bend: Flexion of the knuckles in that pose, radians.

    Returns:
        (3, 3) rotation.
    """
    wanted = axis_rotation(2, bend) @ FLAT_DIRECTIONS[:4, 0].mean(axis=0)
    return rotation_between(flat[:4, 0].mean(axis=0), wanted)


def hand_pose(directions: Float[ndarray, "5 3 3"]) -> Float[ndarray, "45"]:
    """Right-hand pose from bone directions. Each bone takes the smallest rotation from its parent's direction, so joint
    positions are exact and fingers do not twist.

    Args:
        directions: (5, 3, 3) unit directions (finger, bone, xyz) in palm axes.

    Returns:
        (45,) axis-angle of 15 joints, radians, relative to the flat hand.
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
    """Inverse of `hand_pose`: bone directions (5, 3, 3) of a right hand in palm axes."""
    out = np.zeros((5, 3, 3))
    local = to_matrix(pose.reshape(5, 3, 3))
    for finger in range(5):
        turn = np.eye(3)
        for bone in range(3):
            turn = turn @ local[finger, bone]
            out[finger, bone] = turn @ FLAT_DIRECTIONS[finger, bone]
    return out
