"""Which skin of a fitted body no pixel supports: what overlays and meshes draw differently."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from diffproxy.body import BodyModel
from diffproxy.body.names import JOINT_NAMES
from diffproxy.fitting.observed import UNOBSERVED
from diffproxy.pipeline.results import FrameResult

FACE_JOINTS = [JOINT_NAMES.index(n) for n in ("jaw", "left_eye_smplhf", "right_eye_smplhf")]
HEAD = JOINT_NAMES.index("head")


def unobserved_vertices(nearest: Int[np.ndarray, " Nv"], record: FrameResult) -> Bool[np.ndarray, " Nv"]:
    """The vertices whose nearest joint along their own bone is unobserved.

    A joint is unobserved where its `joint_observed` is below `UNOBSERVED`, as in the notes; NaN is no statement. The
    skin of a bone changes half way between its joints.

    Args:
        nearest: `nearest_joints` of the fitted model.
        record: A frame with a body.
    """
    return (record.joint_observed < UNOBSERVED)[nearest]


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
