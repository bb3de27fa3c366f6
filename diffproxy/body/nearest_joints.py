"""Which joint each part of the skin belongs to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from diffproxy.body.model import BodyModel
from diffproxy.body.names import JOINT_NAMES

FACE_JOINTS = [JOINT_NAMES.index(n) for n in ("jaw", "left_eye_smplhf", "right_eye_smplhf")]
HEAD = JOINT_NAMES.index("head")


def nearest_joints(body: BodyModel) -> Int[np.ndarray, " Nv"]:
    """For each vertex the nearest joint at rest: the one with most of its skinning weight, or a child of that one.

    Jaw and eyes go with the head.
    """
    vertices, joints = body.v_template.cpu().numpy(), body.joint_template.cpu().numpy()
    owner = body.weights.cpu().numpy().argmax(axis=1)
    owner[np.isin(owner, FACE_JOINTS)] = HEAD
    distance = np.full((len(vertices), len(joints)), np.inf)
    for j, parent in enumerate(body.parents.tolist()):
        if j not in FACE_JOINTS:
            rows = (owner == j) | (owner == parent)
            distance[rows, j] = np.linalg.norm(vertices[rows] - joints[j], axis=-1)
    return distance.argmin(axis=1)
