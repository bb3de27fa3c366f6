"""Rest poses of foreign skeletons: which pose is one, its axes, and how far it is from the T-pose of SMPL-X."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.body.names import BODY_JOINT_NAMES
from diffproxy.motion.families import JointMap, recognise
from diffproxy.motion.skeleton import (
    LIMB_BONES,
    REST_JOINTS,
    SkeletonClip,
    forward_kinematics,
    joint_index,
    local_rotations,
)
from diffproxy.utils.errors import InputError


def find_rest(clips: list[SkeletonClip]) -> SkeletonClip:
    """The one-frame clip closest to a T-pose, of the poses without rotations and the first frames of `clips`."""
    joint_map = recognise(clips[0].names)
    choices = [clips[0].at_rest(), *(c.frames(slice(0, 1)) for c in clips)]
    return min(choices, key=lambda c: float(angles_from_t_pose(c, joint_map).mean()))


def standing_axes(positions: Float[ndarray, "J 3"], joint_map: JointMap) -> Float[ndarray, "3 3"]:
    """Rows: the source directions of +x (left), +y (up), +z (forward), snapped to the source's axes."""
    at = {k: positions[i] for k, i in joint_map.placed_at.items()}
    up = _snap(at["head"] - (at["left_ankle"] + at["right_ankle"]) / 2)
    across = at["left_hip"] - at["right_hip"] + at["left_shoulder"] - at["right_shoulder"]
    left = _snap(across - up * (across @ up))
    return np.stack([left, up, np.cross(left, up)])


def _snap(vector: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
    axis = int(np.argmax(np.abs(vector)))
    return np.eye(3)[axis] * np.sign(vector[axis])


def angles_from_t_pose(clip: SkeletonClip, joint_map: JointMap) -> Float[ndarray, "8"]:
    """Angles (radians) between the limbs and those of the SMPL-X rest pose; pi for a limb of zero length."""
    positions = joint_frames(clip)[1]
    turned = positions @ standing_axes(positions[0], joint_map).T
    with np.errstate(invalid="ignore", divide="ignore"):
        found = limb_directions(turned, joint_map.placed_at)[0]
    wanted = limb_directions(REST_JOINTS[None], {n: joint_index(n) for n in BODY_JOINT_NAMES})[0]
    angle = np.arccos(np.clip((found * wanted).sum(-1), -1, 1))
    return np.nan_to_num(angle, nan=np.pi)


def rest_of_clip(rest: SkeletonClip, clip: SkeletonClip) -> SkeletonClip:
    """The rest clip with its joints in the order of the clip; bone lengths are not used."""
    if rest.names == clip.names:
        return rest.frames(slice(0, 1))
    lost = [n for n in clip.names if n not in rest.names]
    if lost:
        raise InputError(
            "a rest pose with the clip's joints", f"without {lost[:5]}", "give a rest of one skeleton"
        )
    rotations, _ = joint_frames(rest.frames(slice(0, 1)))
    order = [rest.names.index(n) for n in clip.names]
    local = local_rotations(clip.parents, rotations[:, order])
    return replace(clip, rotations=local, root=np.zeros((1, 3)), source=rest.source)


def limb_directions(positions: Float[ndarray, "F J 3"], index: dict[str, int]) -> Float[ndarray, "F 8 3"]:
    """Unit vectors (F, 8, 3) along thighs, shins, upper arms and forearms; `index`: joint name -> row."""
    bones = [positions[:, index[b]] - positions[:, index[a]] for a, b in LIMB_BONES]
    stacked = np.stack(bones, axis=1)
    return stacked / np.linalg.norm(stacked, axis=-1, keepdims=True)


def joint_frames(clip: SkeletonClip) -> tuple[Float[ndarray, "F J 3 3"], Float[ndarray, "F J 3"]]:
    """Global rotations and positions (metres) of all joints of a clip."""
    return forward_kinematics(clip.parents, clip.offsets, clip.rotations, clip.root)
