"""Retargeting of any skeleton to SMPL-X pose parameters, by global rotations.

Each SMPL-X joint follows one source joint: R_smplx(t) = R_source(t) R_source(rest)^-1 A, where the constant A is the
smallest rotation from the SMPL-X rest limb to the source's rest limb. Limb directions are exact in every frame; the
twist is that of the source.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.body.names import BODY_JOINT_NAMES
from diffproxy.geometry.directions import rotation_between
from diffproxy.geometry.rotations import axis_rotation, slerp, swing_twist, to_matrix, to_rotvec
from diffproxy.motion.clip import Motion
from diffproxy.motion.families import JointMap, recognise
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
from diffproxy.utils.errors import InputError

# Spread rotations that mocap puts into one joint over the joints that really share them.
#
# Bone directions and the hand's attitude stay as they are; only skin, and the shoulder's height, look less broken.


FOREARM_SHARE = 0.5  # of the twist between elbow and hand: radius and ulna cross all along the forearm
COLLAR_SHARE = 0.15  # of the swing of the upper arm from the T-pose: clavicle and shoulder blade go with it
RIGID_COLLAR = np.radians(3.0)  # a source whose collar never turns further does not capture it


def share_twist_and_lift(local: Float[ndarray, "F 22 3 3"]) -> Float[ndarray, "F 22 3 3"]:
    """Distribute forearm twist and collar lift over neighbouring joints; (F, 22, 3, 3) local rotations."""
    local = local.copy()
    for side in ("left", "right"):
        collar, shoulder, elbow, wrist = (
            joint_index(f"{side}_{n}") for n in ("collar", "shoulder", "elbow", "wrist")
        )
        _share_twist(local, elbow, wrist)
        angle = np.arccos(np.clip((np.trace(local[:, collar], axis1=1, axis2=2) - 1) / 2, -1, 1))
        if np.median(angle) < RIGID_COLLAR:
            _share_lift(local, collar, shoulder, REST_OFFSETS[elbow])
    return local


def _share_twist(local: Float[ndarray, "F 22 3 3"], elbow: int, wrist: int) -> None:
    axis = REST_OFFSETS[wrist] / np.linalg.norm(REST_OFFSETS[wrist])
    # twist first, as seen from the forearm: wrist = twist @ swing, the transpose of what split_twist gives
    twist = -swing_twist(local[:, wrist].transpose(0, 2, 1), axis)[1]
    turn = to_matrix(FOREARM_SHARE * twist[:, None] * axis)
    local[:, elbow] = local[:, elbow] @ turn
    local[:, wrist] = turn.transpose(0, 2, 1) @ local[:, wrist]


def _share_lift(
    local: Float[ndarray, "F 22 3 3"], collar: int, shoulder: int, arm: Float[ndarray, "3"]
) -> None:
    swing, _ = swing_twist(local[:, shoulder], arm)
    eye = np.broadcast_to(np.eye(3), swing.shape)
    lift = slerp(eye, swing, COLLAR_SHARE)
    local[:, collar] = local[:, collar] @ lift
    local[:, shoulder] = lift.transpose(0, 2, 1) @ local[:, shoulder]


MOST_ASTRAY = 50.0  # degrees between a leg of the rest pose and the leg of SMPL-X in rest
SOLE_YAW = np.radians(8.0)  # toes of the SMPL-X rest foot point outwards by about this much


def retarget(clip: SkeletonClip, rest: SkeletonClip | None = None) -> Motion:
    """Convert a skeleton clip to SMPL-X parameters, scaled to a leg of nominal length.

    Args:
        clip: The clip.
        rest: One-frame clip of the same joints in T-pose (or with hanging arms). None: the pose without rotations
            or the
            first frame, whichever is closer to a T-pose.

    Returns:
        The motion in a y-up world.
    """
    joint_map = recognise(clip.names)
    rest = _matched(rest, clip) if rest is not None else find_rest([clip])
    if _distance_from_t(rest, joint_map)[[0, 1, 4, 5]].max() > np.radians(MOST_ASTRAY):
        raise InputError(
            "a rest pose with the legs straight down, unrotated or as first frame",
            f"neither in {clip.source}",
            "pass rest=, one frame of the same skeleton in a T-pose",
        )
    rest_rotations, rest_positions = _kinematics(rest)
    axes = standing_axes(rest_positions[0], joint_map)
    rest_positions = rest_positions @ axes.T
    rotations, positions = _kinematics(clip)
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


def limb_directions(positions: Float[ndarray, "F J 3"], index: dict[str, int]) -> Float[ndarray, "F 8 3"]:
    """Unit vectors (F, 8, 3) along thighs, shins, upper arms and forearms; `index`: joint name -> row."""
    bones = [positions[:, index[b]] - positions[:, index[a]] for a, b in LIMB_BONES]
    stacked = np.stack(bones, axis=1)
    return stacked / np.linalg.norm(stacked, axis=-1, keepdims=True)


def find_rest(clips: list[SkeletonClip]) -> SkeletonClip:
    """The one-frame clip closest to a T-pose, of the poses without rotations and the first frames of `clips`."""
    joint_map = recognise(clips[0].names)
    choices = [clips[0].at_rest(), *(c.frames(slice(0, 1)) for c in clips)]
    return min(choices, key=lambda c: float(_distance_from_t(c, joint_map).mean()))


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


def _kinematics(clip: SkeletonClip) -> tuple[Float[ndarray, "F J 3 3"], Float[ndarray, "F J 3"]]:
    return forward_kinematics(clip.parents, clip.offsets, clip.rotations, clip.root)


def _distance_from_t(clip: SkeletonClip, joint_map: JointMap) -> Float[ndarray, "8"]:
    """Angles (radians) between the limbs and those of the SMPL-X rest pose; pi for a limb of zero length."""
    positions = _kinematics(clip)[1]
    turned = positions @ standing_axes(positions[0], joint_map).T
    with np.errstate(invalid="ignore", divide="ignore"):
        found = limb_directions(turned, joint_map.placed_at)[0]
    wanted = limb_directions(REST_JOINTS[None], {n: joint_index(n) for n in BODY_JOINT_NAMES})[0]
    angle = np.arccos(np.clip((found * wanted).sum(-1), -1, 1))
    return np.nan_to_num(angle, nan=np.pi)


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


def _matched(rest: SkeletonClip, clip: SkeletonClip) -> SkeletonClip:
    """The rest clip with its joints in the order of the clip; bone lengths are not used."""
    if rest.names == clip.names:
        return rest.frames(slice(0, 1))
    lost = [n for n in clip.names if n not in rest.names]
    if lost:
        raise InputError(
            "a rest pose with the clip's joints", f"without {lost[:5]}", "give a rest of one skeleton"
        )
    rotations, _ = _kinematics(rest.frames(slice(0, 1)))
    order = [rest.names.index(n) for n in clip.names]
    local = local_rotations(clip.parents, rotations[:, order])
    return replace(clip, rotations=local, root=np.zeros((1, 3)), source=rest.source)
