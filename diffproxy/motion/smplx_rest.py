"""The body part of the SMPL-X skeleton: names, parents and a nominal rest pose."""

from __future__ import annotations

import numpy as np

BODY_JOINTS: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip

BODY_PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)

# The pelvis of the neutral body in rest, metres: the point that `global_orient` turns about.
PELVIS: np.ndarray = np.array([0.0, -0.351, 0.012])
PELVIS.setflags(write=False)

# Left and middle joints of a nominal symmetric adult in rest, metres from the pelvis (+x left, +y up, +z ahead), to
# the centimetre. Limbs are straight, as their skin is: SMPL-X's own knee, elbow and hip joints lie a few centimetres
# off that line, and a source's straight leg or arm fitted to them joint by joint comes out kinked by 10-14 degrees.
_REST = {
    "pelvis": (0.0, 0.0, 0.0),
    "left_hip": (0.061, -0.099, -0.024),
    "left_knee": (0.070, -0.471, -0.041),
    "left_ankle": (0.081, -0.876, -0.059),
    "left_foot": (0.124, -0.934, 0.056),
    "spine1": (0.0, 0.110, -0.028),
    "spine2": (0.0, 0.241, -0.034),
    "spine3": (0.0, 0.294, -0.005),
    "neck": (0.0, 0.459, -0.037),
    "head": (0.0, 0.619, -0.016),
    "left_collar": (0.047, 0.378, -0.015),
    "left_shoulder": (0.158, 0.434, -0.030),
    "left_elbow": (0.427, 0.421, -0.048),
    "left_wrist": (0.676, 0.408, -0.064),
}


def _rest_joints() -> np.ndarray:
    mirror = np.array([-1.0, 1.0, 1.0])
    rows = [
        np.array(_REST[n]) if n in _REST else mirror * _REST[n.replace("right", "left")] for n in BODY_JOINTS
    ]
    return np.stack(rows)


REST_JOINTS: np.ndarray = _rest_joints()  # (22, 3)
REST_JOINTS.setflags(write=False)
REST_OFFSETS: np.ndarray = (
    REST_JOINTS - REST_JOINTS[[max(p, 0) for p in BODY_PARENTS]]
)  # (22, 3), root row zero
REST_OFFSETS.setflags(write=False)

# The limb bones, as (joint that turns the bone, joint at its far end).
LIMB_BONES: tuple[tuple[str, str], ...] = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)


def joint_index(name: str) -> int:
    return BODY_JOINTS.index(name)
