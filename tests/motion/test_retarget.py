"""Retargeting keeps limb directions, sides and gravity, whatever the source skeleton's rest pose and axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diffproxy.body.names import BODY_JOINT_NAMES
from diffproxy.geometry.directions import rotation_between
from diffproxy.geometry.rotations import axis_rotation, swing_twist, to_matrix, to_rotvec
from diffproxy.motion import SkeletonClip
from diffproxy.motion.clip import Motion
from diffproxy.motion.families import recognise
from diffproxy.motion.limits import joints_within_limits, repair_ends, within_limits
from diffproxy.motion.rest_pose import find_rest, limb_directions, standing_axes
from diffproxy.motion.retarget import retarget, smplx_joints
from diffproxy.motion.skeleton import (
    BODY_PARENTS,
    REST_OFFSETS,
    forward_kinematics,
    joint_index,
    local_rotations,
)
from diffproxy.utils.errors import InputError

INDEX = {name: i for i, name in enumerate(BODY_JOINT_NAMES)}


def figure(
    frames: int = 4, angle: float = 0.5, axes: np.ndarray | None = None, unit: float = 1.0
) -> SkeletonClip:
    """A clip on the SMPL-X body skeleton itself, in other axes and units if asked."""
    turn = np.eye(3) if axes is None else axes
    rotvec = np.random.default_rng(0).normal(0, angle, (frames, 22, 3))
    rotations = turn @ to_matrix(rotvec) @ turn.T
    root = np.random.default_rng(1).normal(size=(frames, 3)) @ turn.T * unit
    return SkeletonClip(
        BODY_JOINT_NAMES, BODY_PARENTS, REST_OFFSETS @ turn.T * unit, rotations, root, 30.0, "figure"
    )


def splayed(clip: SkeletonClip) -> SkeletonClip:
    """The same movement on a skeleton whose unrotated pose has hanging arms and legs apart, as CMU's have."""
    globals_, positions = forward_kinematics(clip.parents, clip.offsets, clip.rotations, clip.root)
    bend = {n: np.eye(3) for n in BODY_JOINT_NAMES}
    for side, sign in (("left", 1), ("right", -1)):
        for n in ("shoulder", "elbow", "wrist"):
            bend[f"{side}_{n}"] = axis_rotation(2, -sign * 1.3)
        for n in ("hip", "knee", "ankle", "foot"):
            bend[f"{side}_{n}"] = axis_rotation(2, sign * np.radians(20))
    turn = np.stack([bend[n] for n in BODY_JOINT_NAMES])
    offsets = np.stack([turn[max(p, 0)] @ o for p, o in zip(clip.parents, clip.offsets, strict=True)])
    local = local_rotations(clip.parents, globals_ @ turn.transpose(0, 2, 1))
    again = replace(clip, offsets=offsets, rotations=local)
    assert np.allclose(forward_kinematics(again.parents, again.offsets, local, again.root)[1], positions)
    return again


def test_own_skeleton_comes_back():
    """On the SMPL-X skeleton nothing changes but what is shared out over the arm."""
    clip = figure()
    motion = retarget(clip)
    pose = np.concatenate([motion.global_orient, motion.body_pose], 1).reshape(-1, 22, 3)
    same = [i for i, n in enumerate(BODY_JOINT_NAMES) if not n.endswith(("elbow", "wrist", "ankle", "foot"))]
    assert np.allclose(to_matrix(pose)[:, same], clip.rotations[:, same], atol=1e-8)
    _, wanted = forward_kinematics(clip.parents, clip.offsets, clip.rotations, clip.root)
    body = [i for i, n in enumerate(BODY_JOINT_NAMES) if not n.endswith("foot")]
    assert np.allclose(smplx_joints(motion)[1][:, body], wanted[:, body], atol=1e-8)


@pytest.mark.parametrize("unit", [1.0, 100.0])
@pytest.mark.parametrize("up", ["y", "z"])
def test_other_rest_axes_and_units(up, unit):
    """Limb directions and joint positions are those of the source: splayed rest, z up facing -y, centimetres."""
    axes = np.eye(3) if up == "y" else np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    clip = splayed(figure(axes=axes, unit=unit)) if up == "y" else figure(axes=axes, unit=unit)
    motion = retarget(clip)
    wanted = forward_kinematics(clip.parents, clip.offsets, clip.rotations, clip.root)[1] @ axes / unit
    found = smplx_joints(motion)[1]
    assert np.allclose(limb_directions(found, INDEX), limb_directions(wanted, INDEX), atol=1e-6)
    body = [i for i, n in enumerate(BODY_JOINT_NAMES) if not n.endswith("foot")]
    assert np.allclose(found[:, body], wanted[:, body], atol=1e-6)


def test_rest_from_another_clip():
    """A rig whose unrotated pose is meaningless takes its T-pose from a clip that begins with one."""
    clip = figure()
    scramble = to_matrix(np.random.default_rng(3).normal(0, 2, (22, 3)))
    globals_, _ = forward_kinematics(clip.parents, clip.offsets, clip.rotations, clip.root)
    offsets = np.stack([scramble[max(p, 0)].T @ o for p, o in zip(clip.parents, clip.offsets, strict=True)])
    scrambled = replace(clip, offsets=offsets, rotations=local_rotations(clip.parents, globals_ @ scramble))
    rest_globals = np.broadcast_to(scramble, (1, 22, 3, 3)).copy()
    rest = replace(
        clip, offsets=offsets, rotations=local_rotations(clip.parents, rest_globals), root=np.zeros((1, 3))
    )
    with pytest.raises(InputError, match="rest"):
        retarget(scrambled)
    assert find_rest([scrambled, rest]).rotations is not scrambled.rotations
    wanted = forward_kinematics(clip.parents, clip.offsets, clip.rotations, clip.root)[1]
    for given in (rest, find_rest([scrambled, rest])):
        found = smplx_joints(retarget(scrambled, given))[1]
        assert np.allclose(limb_directions(found, INDEX), limb_directions(wanted, INDEX), atol=1e-6)


def test_left_stays_left_and_up_stays_up():
    clip = figure(frames=1, angle=0.0)
    clip.rotations[0, INDEX["left_elbow"]] = axis_rotation(1, -1.2)
    motion = retarget(clip)
    joints = smplx_joints(motion)[1][0]
    joints = joints - joints[0]
    # only the left forearm is ahead
    assert joints[INDEX["left_wrist"], 2] > 0.15 > joints[INDEX["right_wrist"], 2]
    assert (
        joints[INDEX["left_hip"], 0] > 0 and joints[INDEX["head"], 1] > joints[INDEX["left_ankle"], 1] + 1.4
    )
    assert np.allclose(standing_axes(joints, recognise(BODY_JOINT_NAMES)), np.eye(3))


def test_forearm_takes_part_of_the_hands_twist():
    """The hand keeps its attitude and the forearm its direction, yet the wrist is left with half of the twist."""
    clip = figure(frames=1, angle=0.0)
    axis = REST_OFFSETS[INDEX["left_wrist"]]
    clip.rotations[0, INDEX["left_wrist"]] = to_matrix(1.4 * axis / np.linalg.norm(axis))
    motion = retarget(clip)
    pose = to_matrix(motion.body_pose.reshape(21, 3))
    elbow, wrist = (swing_twist(pose[None, INDEX[f"left_{n}"] - 1], axis)[1][0] for n in ("elbow", "wrist"))
    assert elbow == pytest.approx(0.7, abs=1e-6) and wrist == pytest.approx(0.7, abs=1e-6)
    assert np.allclose(
        smplx_joints(motion)[0][0, INDEX["left_wrist"]], clip.rotations[0, INDEX["left_wrist"]]
    )


def test_rigid_collar_takes_part_of_the_lift():
    """Where the source has no collar of its own, a hanging arm draws the shoulder down, its direction kept."""
    clip = figure(frames=1, angle=0.0)
    clip.rotations[0, INDEX["left_shoulder"]] = axis_rotation(2, -1.2)
    motion = retarget(clip)
    joints = smplx_joints(motion)[1]
    shoulder = np.linalg.norm(motion.body_pose.reshape(21, 3)[INDEX["left_collar"] - 1])
    assert shoulder == pytest.approx(0.15 * 1.2, abs=0.01)
    wanted = forward_kinematics(clip.parents, clip.offsets, clip.rotations, clip.root)[1]
    assert np.allclose(limb_directions(joints, INDEX), limb_directions(wanted, INDEX), atol=1e-6)


def test_limits():
    """Rest is allowed; a knee or an elbow bent backwards, a head turned right round are not."""
    pose = np.zeros((5, 21, 3))
    pose[1, joint_index("left_knee") - 1, 0] = np.radians(-30)
    pose[2, joint_index("right_elbow") - 1, 1] = np.radians(-60)
    pose[3, joint_index("head") - 1, 1] = np.radians(90)
    pose[4, joint_index("left_elbow") - 1, 1] = np.radians(-120)
    pose[4, joint_index("left_knee") - 1, 0] = np.radians(130)
    assert within_limits(pose.reshape(5, 63)).tolist() == [True, False, False, False, True]


def test_flipped_foot_is_repaired_from_its_neighbours():
    pose = np.zeros((10, 21, 3))
    ankle = joint_index("left_ankle") - 1
    pose[:, ankle, 0] = np.linspace(0, 0.1, 10)
    pose[4:6, ankle, 2] = 2.5
    motion = Motion(np.zeros((10, 3)), pose.reshape(10, 63), np.zeros((10, 3)), 30.0, "x")
    repaired = repair_ends(motion).body_pose.reshape(10, 21, 3)
    assert joints_within_limits(repaired.reshape(10, 63)).all()
    assert np.allclose(repaired[4, ankle], pose[3, ankle]) and np.allclose(repaired[5, ankle], pose[6, ankle])
    assert np.array_equal(np.delete(repaired, [4, 5], 0), np.delete(pose, [4, 5], 0))


def test_rotation_algebra():
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 1, (50, 3))
    assert np.allclose(to_matrix(to_rotvec(to_matrix(vectors))), to_matrix(vectors))
    axis = np.array([0.3, -0.5, 0.8])
    rest, angle = swing_twist(to_matrix(vectors), axis)
    unit = axis / np.linalg.norm(axis)
    assert np.allclose(rest @ to_matrix(angle[:, None] * unit), to_matrix(vectors))
    assert np.allclose(to_rotvec(rest) @ unit, 0, atol=1e-9)  # what is left does not turn about the axis
    for a, b in (rng.normal(size=(2, 3)), (axis, -axis), (axis, 2 * axis)):
        if np.allclose(np.cross(a, b), 0) and a @ b < 0:
            continue
        assert np.allclose(rotation_between(a, b) @ a / np.linalg.norm(a), b / np.linalg.norm(b))
