"""Ground truth of a data set: a body of the SMPL family, a mesh, or named joints alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from diffproxy.body.names import BODY_JOINT_NAMES, BODY_JOINTS
from diffproxy.body.smpl_family import PosedBodies
from diffproxy.cameras import Camera

SMPL_24 = (*BODY_JOINT_NAMES, "left_hand", "right_hand")
H36M_17 = (
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "spine", "neck", "head",
    "head_top", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
"""Order of the 17 rows of SPIN's `J_regressor_h36m.npy`."""
BODY_25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe",
    "right_heel",
)  # fmt: skip
"""OpenPose's BODY_25."""


@dataclass(frozen=True)
class BodySurface:
    """Triangles of a body model, and the part of each: one of SMPL's 24 joints (`body/smpl_parts.py`)."""

    faces: Int[np.ndarray, "Nf 3"]
    part: Int[np.ndarray, " Nf"]


@dataclass(frozen=True)
class TrueBody:
    """One body at one instant; metres, in the world of the data set's cameras.

    Args:
        vertices: a mesh of SMPL's (6890), SMPL-X's (10475) or the fitted body's own topology.
        joints: by the name of their set: "smplx22" (the first 22 of SMPL, SMPL-H and SMPL-X), "h36m17" (`H36M_17`),
            "body25" (`BODY_25`). NaN where one is not known.
        surface: triangles between the vertices, where the model is known.
    """

    vertices: Float[np.ndarray, "Nv 3"] | None = None
    joints: Mapping[str, Float[np.ndarray, "_ 3"]] = field(default_factory=dict)
    surface: BodySurface | None = None

    @staticmethod
    def of(posed: PosedBodies, row: int = 0, surface: BodySurface | None = None) -> TrueBody:
        """One row of a posed batch of the SMPL family."""
        return TrueBody(posed.vertices[row], {"smplx22": posed.joints[row, BODY_JOINTS]}, surface)

    def seen_by(self, camera: Camera) -> TrueBody:
        """The same body in the camera's axes."""
        R, t = camera.R_cam_world, camera.t_cam_world
        vertices = None if self.vertices is None else self.vertices @ R.T + t
        return TrueBody(
            vertices, {name: points @ R.T + t for name, points in self.joints.items()}, self.surface
        )

    @property
    def points(self) -> Float[np.ndarray, "N 3"]:
        """What a box around the person has to hold: the vertices, or the joints where there are none."""
        sets = [*self.joints.values()] if self.vertices is None else [self.vertices]
        points = np.concatenate(sets) if sets else np.zeros((0, 3))
        return points[np.isfinite(points).all(-1)]
