"""A clip on any skeleton, as stored in files, and its forward kinematics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.body.names import BODY_JOINT_NAMES, BODY_JOINTS, PARENTS
from diffproxy.motion.clip import check_rate
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr


@checked
@dataclass(frozen=True)
class SkeletonClip:
    """Local joint rotations over time on a skeleton of J joints; the unit of length is that of the file.

    A joint is at its parent's position plus the parent's global rotation applied to `offsets`. Joint 0 is the root, and
    parents precede children. Raises InputError for anything else.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: ndarray  # (J, 3)
    rotations: ndarray  # (F, J, 3, 3)
    root: ndarray  # (F, 3)
    fps: float
    source: str

    __repr__ = short_repr

    def __post_init__(self) -> None:
        joints, frames = len(self.names), len(self.rotations)
        shapes = [len(self.parents), *self.offsets.shape, *self.rotations.shape, *self.root.shape]
        if shapes != [joints, joints, 3, frames, joints, 3, 3, frames, 3]:
            raise InputError(
                "J names, parents, offsets and F x J rotations", str(shapes), f"check {self.source}"
            )
        if (
            frames == 0
            or self.parents[0] != -1
            or any(not 0 <= p < i for i, p in enumerate(self.parents[1:], 1))
        ):
            raise InputError(
                "at least one frame, a single root first, parents before children",
                f"{frames} frames, parents {self.parents[:8]} ...",
                f"check {self.source}",
            )
        if not all(np.isfinite(a).all() for a in (self.offsets, self.rotations, self.root)):
            raise InputError("finite numbers", "NaN or infinity", f"check {self.source}")
        check_rate(self.fps, self.source)

    def frames(self, index: slice) -> SkeletonClip:
        """The frames of a slice."""
        return replace(self, rotations=self.rotations[index], root=self.root[index])

    def at_rest(self) -> SkeletonClip:
        """One frame with every joint unrotated: the pose that the offsets alone describe."""
        eye = np.broadcast_to(np.eye(3), (1, len(self.names), 3, 3)).copy()
        return replace(self, rotations=eye, root=np.zeros((1, 3)))


def forward_kinematics(
    parents: tuple[int, ...],
    offsets: Float[ndarray, "J 3"],
    rotations: Float[ndarray, "F J 3 3"],
    root: Float[ndarray, "F 3"],
) -> tuple[Float[ndarray, "F J 3 3"], Float[ndarray, "F J 3"]]:
    """Global rotations and positions from local rotations.

    Args:
        parents: Index of each joint's parent; -1 for joint 0.
        offsets: (J, 3) position of each joint in its parent's frame; `offsets[0]` is not used.
        rotations: (F, J, 3, 3) local rotations.
        root: (F, 3) positions of the root.

    Returns:
        Global rotations (F, J, 3, 3) and positions (F, J, 3).
    """
    global_rotations, positions = np.empty_like(rotations), np.empty(rotations.shape[:3])
    for joint, parent in enumerate(parents):
        if parent < 0:
            global_rotations[:, joint], positions[:, joint] = rotations[:, joint], root
            continue
        global_rotations[:, joint] = global_rotations[:, parent] @ rotations[:, joint]
        positions[:, joint] = positions[:, parent] + global_rotations[:, parent] @ offsets[joint]
    return global_rotations, positions


def local_rotations(
    parents: tuple[int, ...], global_rotations: Float[ndarray, "F J 3 3"]
) -> Float[ndarray, "F J 3 3"]:
    """The inverse of `forward_kinematics` for rotations."""
    local = global_rotations.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            local[:, joint] = global_rotations[:, parent].transpose(0, 2, 1) @ global_rotations[:, joint]
    return local


# The body part of the SMPL-X skeleton: names, parents and a nominal rest pose.


BODY_PARENTS: tuple[int, ...] = PARENTS[BODY_JOINTS]

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
        np.array(_REST[n]) if n in _REST else mirror * _REST[n.replace("right", "left")]
        for n in BODY_JOINT_NAMES
    ]
    return np.stack(rows)


REST_JOINTS: np.ndarray = _rest_joints()  # (22, 3)
REST_JOINTS.setflags(write=False)
# (22, 3), root row zero
REST_OFFSETS: np.ndarray = REST_JOINTS - REST_JOINTS[[max(p, 0) for p in BODY_PARENTS]]
REST_OFFSETS.setflags(write=False)

# The limb bones, as (joint that turns the bone, joint at its far end).
LIMB_BONES: tuple[tuple[str, str], ...] = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)


def joint_index(name: str) -> int:
    """Row of a body joint of SMPL-X, 0 to 21."""
    return BODY_JOINT_NAMES.index(name)
