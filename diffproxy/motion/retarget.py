"""Retargeting of any skeleton to SMPL-X pose parameters, by global rotations.

Each SMPL-X joint follows one source joint: R_smplx(t) = R_source(t) R_source(rest)^-1 A, where the constant A is the
smallest rotation from the SMPL-X rest limb to the source's rest limb. Limb directions are exact in every frame; the
twist is that of the source.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.body.names import BODY_JOINT_NAMES
from diffproxy.geometry.directions import rotation_between
from diffproxy.geometry.rotations import axis_rotation, slerp, to_matrix, to_rotvec
from diffproxy.motion.clip import Motion
from diffproxy.motion.families import JointMap, recognise
from diffproxy.motion.rest_pose import (
    angles_from_t_pose,
    find_rest,
    joint_frames,
    rest_of_clip,
    standing_axes,
)
from diffproxy.motion.skeleton import (
    BODY_PARENTS,
    LIMB_BONES,
    PELVIS,
    REST_JOINTS,
    REST_OFFSETS,
    SkeletonClip,
    forward_kinematics,
    joint_index,
    local_rotations,
)
from diffproxy.motion.twist_and_lift import share_twist_and_lift
from diffproxy.utils.errors import InputError

MOST_ASTRAY = 50.0  # degrees between a leg of the rest pose and the leg of SMPL-X in rest
SOLE_YAW = np.radians(8.0)  # toes of the SMPL-X rest foot point outwards by about this much


def retarget(clip: SkeletonClip, rest: SkeletonClip | None = None) -> Motion:
    """Convert a skeleton clip to SMPL-X parameters, scaled to a leg of nominal length.

    Args:
        clip: The clip.
        rest: One-frame clip of the same joints in T-pose (or with hanging arms). None: the pose without rotations or
            the first frame, whichever is closer to a T-pose.

    Returns:
        The motion in a y-up world.
    """
    joint_map = recognise(clip.names)
    rest = rest_of_clip(rest, clip) if rest is not None else find_rest([clip])
    if angles_from_t_pose(rest, joint_map)[[0, 1, 4, 5]].max() > np.radians(MOST_ASTRAY):
        raise InputError(
            "a rest pose with the legs straight down, unrotated or as first frame",
            f"neither in {clip.source}",
            "pass rest=, one frame of the same skeleton in a T-pose",
        )
    rest_rotations, rest_positions = joint_frames(rest)
    axes = standing_axes(rest_positions[0], joint_map)
    rest_positions = rest_positions @ axes.T
    rotations, positions = joint_frames(clip)
    relative = axes @ rotations @ rest_rotations[0].transpose(0, 2, 1) @ axes.T
    aligned = _alignment(rest_positions[0], joint_map)
    follow = {name: relative[:, joint_map.turned_by[name]] @ a for name, a in aligned.items()}
    local = share_twist_and_lift(local_rotations(BODY_PARENTS, _fill(follow)))
    pose = to_rotvec(local).reshape(len(local), -1)
    scale = _leg_length(REST_JOINTS, joint_index) / _leg_length(
        rest_positions[0], joint_map.placed_at.__getitem__
    )
    place = positions[:, joint_map.turned_by["pelvis"]] @ axes.T * scale - PELVIS
    return Motion(pose[:, :3], pose[:, 3:], place, clip.fps, clip.source)


def smplx_joints(motion: Motion) -> tuple[Float[ndarray, "F 22 3 3"], Float[ndarray, "F 22 3"]]:
    """Forward kinematics of the nominal SMPL-X skeleton.

    Args:
        motion: F frames.

    Returns:
        Global rotations (F, 22, 3, 3) and joint positions (F, 22, 3), metres.
    """
    pose = np.concatenate([motion.global_orient, motion.body_pose], axis=1).reshape(len(motion), 22, 3)
    return forward_kinematics(BODY_PARENTS, REST_OFFSETS, to_matrix(pose), motion.transl + PELVIS)


def _alignment(positions: Float[ndarray, "J 3"], joint_map: JointMap) -> dict[str, Float[ndarray, "3 3"]]:
    """The constant A of every mapped joint, from rest positions already in x-left, y-up, z-ahead axes."""
    align = {name: np.eye(3) for name in joint_map.turned_by}
    at = {k: positions[i] for k, i in joint_map.placed_at.items()}
    for a, b in LIMB_BONES:
        align[a] = rotation_between(REST_JOINTS[joint_index(b)] - REST_JOINTS[joint_index(a)], at[b] - at[a])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        align[f"{side}_wrist"] = align[f"{side}_elbow"]
        foot = _sole(at[f"{side}_knee"], at[f"{side}_ankle"], at.get(f"{side}_foot"), sign)
        for joint in (f"{side}_ankle", f"{side}_foot"):
            if joint in align:
                align[joint] = foot
    return align


def _sole(knee: ndarray, ankle: ndarray, toe: ndarray | None, sign: float) -> Float[ndarray, "3 3"]:
    """A of the foot: soles are matched, not ankle-to-toe lines, whose slope depends on marker placement.

    In skeletons that rest with splayed legs (Acclaim: 20 degrees), the foot is perpendicular to the shin.
    """
    splay = rotation_between(np.array([0.0, -1.0, 0.0]), ankle - knee)
    if np.linalg.norm(to_rotvec(splay)) < np.radians(12):
        splay = np.eye(3)
    if toe is None:
        return splay
    ahead = splay.T @ (toe - ankle)
    return splay @ axis_rotation(1, float(np.arctan2(ahead[0], ahead[2])) - sign * SOLE_YAW)


def _fill(follow: dict[str, Float[ndarray, "F 3 3"]]) -> Float[ndarray, "F 22 3 3"]:
    """Global rotations of all 22 joints: gaps in the spine are interpolated, others take the parent's rotation."""
    full = dict(follow)
    spine = ["pelvis", "spine1", "spine2", "spine3", "neck", "head"]
    for k, name in enumerate(spine):
        if name not in follow:
            below = max(i for i in range(k) if spine[i] in follow)
            above = min(i for i in range(k, 6) if spine[i] in follow)
            full[name] = slerp(follow[spine[below]], follow[spine[above]], (k - below) / (above - below))
    for name, parent in zip(BODY_JOINT_NAMES, BODY_PARENTS, strict=True):
        if name not in full:
            full[name] = full[BODY_JOINT_NAMES[parent]]
    return np.stack([full[name] for name in BODY_JOINT_NAMES], axis=1)


def _leg_length(positions: Float[ndarray, "J 3"], index) -> float:
    legs = [
        (f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    return sum(float(np.linalg.norm(positions[index(b)] - positions[index(a)])) for a, b in legs) / 2
