"""Parts that bodies of the SMPL family have in common: SMPL's 24 joints, by the skinning weights."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from diffproxy.body.names import NUM_BODY_JOINTS
from diffproxy.utils.errors import InputError

NUM_PARTS = 24
HEAD, LEFT_HAND, RIGHT_HAND = 15, 22, 23
PARTS_OF_JOINTS = {
    24: tuple(range(24)),
    52: (*range(NUM_BODY_JOINTS), *(LEFT_HAND,) * 15, *(RIGHT_HAND,) * 15),
    55: (*range(NUM_BODY_JOINTS), *(HEAD,) * 3, *(LEFT_HAND,) * 15, *(RIGHT_HAND,) * 15),
}
"""SMPL's joint for each joint of SMPL, SMPL-H and SMPL-X, by their number: fingers are hand, jaw and eyes are head."""


def face_parts(faces: Int[np.ndarray, "Nf 3"], weights: Float[np.ndarray, "Nv J"]) -> Int[np.ndarray, " Nf"]:
    """Part of each triangle, from 0 to 23: the joint that moves its three corners most.

    Raises:
        InputError: a number of joints that no model of the family has.
    """
    joints = weights.shape[1]
    if joints not in PARTS_OF_JOINTS:
        raise InputError("weights of 24, 52 or 55 joints", f"{joints}", "give an SMPL, SMPL-H or SMPL-X body")
    by_part = weights @ np.eye(NUM_PARTS)[list(PARTS_OF_JOINTS[joints])]
    return by_part[faces].sum(1).argmax(1)
