"""Readers give back what a file written here holds, and say what is wrong with one that is broken."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diffproxy.geometry.rotations import axis_rotation as about
from diffproxy.geometry.rotations import to_matrix, to_rotvec
from diffproxy.motion import Motion, read_amass, read_bvh, read_motion
from diffproxy.motion.readers.deepmimic import read_deepmimic
from diffproxy.motion.readers.hands import read_godot_hands, read_handyjs
from diffproxy.motion.readers.skeleton import read_expmap117, read_skeleton_npz
from diffproxy.motion.retarget import smplx_joints
from diffproxy.utils.errors import InputError

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Chest
  {
    OFFSET 0 10 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
0 90 0 0 0 0 0 0 0
1 91 2 10 20 30 -40 50 60
"""


@pytest.fixture
def poses():
    return np.random.default_rng(0).normal(0, 0.4, (5, 165))


def test_amass_smplx(tmp_path, poses):
    """Body and hands come back as written; the world is turned from z up to y up about the pelvis."""
    place = np.random.default_rng(1).normal(size=(5, 3))
    np.savez(tmp_path / "a.npz", poses=poses, trans=place, betas=np.arange(16.0), mocap_framerate=60.0)
    motion = read_amass(tmp_path / "a.npz")
    assert np.allclose(motion.body_pose, poses[:, 3:66]) and np.allclose(
        motion.left_hand_pose, poses[:, 75:120]
    )
    assert (
        np.allclose(motion.right_hand_pose, poses[:, 120:]) and motion.fps == 60 and len(motion.betas) == 16
    )
    original = Motion(poses[:, :3], poses[:, 3:66], place, 60.0, "z up")
    turned, wanted = smplx_joints(motion)[1], smplx_joints(original)[1]
    assert np.allclose(turned, wanted[..., [0, 2, 1]] * [1, 1, -1], atol=1e-12)


@pytest.mark.parametrize(("width", "hands"), [(156, 66), (72, None)])
def test_amass_older_bodies(tmp_path, poses, width, hands):
    np.savez(tmp_path / "a.npz", poses=poses[:, :width], mocap_frame_rate=120)
    motion = read_motion(tmp_path / "a.npz", up_axis="y")
    assert np.allclose(motion.body_pose, poses[:, 3:66]) and np.allclose(motion.global_orient, poses[:, :3])
    assert (
        motion.left_hand_pose is None
        if hands is None
        else np.allclose(motion.left_hand_pose, poses[:, 66:111])
    )


def test_named_keys_are_y_up(tmp_path, poses):
    parts = {"global_orient": poses[:, :3], "body_pose": poses[:, 3:66], "right_hand_pose": poses[:, 120:]}
    np.savez(tmp_path / "r.npz", **parts, fps=25.0)
    motion = read_motion(tmp_path / "r.npz")
    assert np.allclose(motion.global_orient, poses[:, :3]) and np.allclose(
        motion.right_hand_pose, poses[:, 120:]
    )
    assert (motion.transl == 0).all() and motion.left_hand_pose is None


def test_amass_does_not_touch_other_objects(tmp_path, poses):
    """Real files carry object arrays beside the poses; they are neither read nor unpickled."""
    np.savez(tmp_path / "a.npz", poses=poses, fps=30.0, labels=np.array([{"a": 1}], dtype=object))
    assert len(read_amass(tmp_path / "a.npz")) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"poses": np.zeros((5, 100))},
        {"poses": np.zeros(165)},
        {"poses": np.full((5, 165), np.nan)},
        {"poses": np.zeros((0, 165))},
        {"poses": np.array([{}], dtype=object)},
        {"trans": np.zeros((4, 3))},
        {"trans": np.full((5, 3), np.inf)},
        {"fps": np.array(0.0)},
        {"fps": np.zeros(3)},
    ],
    ids=lambda c: f"{next(iter(c))} {next(iter(c.values())).shape}",
)
def test_bad_amass(tmp_path, poses, change):
    np.savez(
        tmp_path / "a.npz", **({"poses": poses, "trans": np.zeros((5, 3)), "fps": np.array(30.0)} | change)
    )
    with pytest.raises(InputError):
        read_amass(tmp_path / "a.npz")


def test_cut_and_missing_npz(tmp_path, poses):
    np.savez_compressed(tmp_path / "a.npz", poses=poses, fps=30.0)
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "spoilt.npz").write_bytes(whole[:200] + bytes(50) + whole[250:])
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("cut.npz", "spoilt.npz", "empty.npz", "missing.npz"):
        with pytest.raises(InputError):
            read_motion(tmp_path / name)


def test_bvh_channel_orders(tmp_path):
    """Rotations multiply in the order of the channels, root position replaces the offset, degrees become radians."""
    (tmp_path / "a.bvh").write_text(BVH)
    clip = read_bvh(tmp_path / "a.bvh")
    assert clip.names == ("Hips", "Chest") and clip.parents == (-1, 0) and clip.fps == pytest.approx(20)
    assert np.allclose(clip.root, [[0, 90, 0], [1, 91, 2]]) and np.allclose(clip.offsets[1], [0, 10, 0])
    rad = np.radians
    assert np.allclose(
        clip.rotations[1, 0],
        about(2, rad(10)) @ about(0, rad(20)) @ about(1, rad(30)),
    )
    assert np.allclose(
        clip.rotations[1, 1],
        about(1, rad(-40)) @ about(0, rad(50)) @ about(2, rad(60)),
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Frames: 2", "Frames: 3"),
        ("0 90 0 0 0 0 0 0 0", "0 90 0 0 x 0 0 0 0"),
        ("MOTION", ""),
        ("JOINT Chest", "JIONT Chest"),
        ("Frame Time: 0.05", "Frame Time: 0"),
        ("OFFSET 0 10 0", "OFFSET 0 nan 0"),
        ("}\n}\nMOTION", "}\nMOTION"),
    ],
)
def test_bad_bvh(tmp_path, old, new):
    assert old in BVH
    (tmp_path / "a.bvh").write_text(BVH.replace(old, new))
    with pytest.raises((InputError, ZeroDivisionError)) as caught:
        read_bvh(tmp_path / "a.bvh")
    assert caught.type is InputError


def test_bvh_of_an_unknown_skeleton(tmp_path):
    (tmp_path / "a.bvh").write_text(BVH)
    with pytest.raises(InputError, match="families"):
        read_motion(tmp_path / "a.bvh")


def test_skeleton_npz(tmp_path):
    rotvec = np.random.default_rng(0).normal(0, 0.5, (3, 2, 3)).astype(np.float32)
    arrays = {
        "names": np.array(["a", "b"]), "parents": np.array([-1, 0]), "offsets": np.ones((2, 3)),
        "root": np.zeros((3, 3)), "rotvec": rotvec, "fps": 30.0,
    }  # fmt: skip
    np.savez(tmp_path / "s.npz", **arrays)
    clip = read_skeleton_npz(tmp_path / "s.npz")
    assert np.allclose(to_rotvec(clip.rotations), rotvec, atol=1e-6) and clip.source == "s"
    for change in ({"parents": np.array([-1, 1])}, {"root": np.zeros((2, 3))}, {"rotvec": rotvec * np.nan}):
        np.savez(tmp_path / "s.npz", **(arrays | change))
        with pytest.raises(InputError):
            read_skeleton_npz(tmp_path / "s.npz")


def test_deepmimic(tmp_path):
    """Quaternions are scalar first; knees bend about z; the figure that faces +x comes out facing +z."""
    row = np.zeros(44)
    row[0], row[2] = 0.04, 0.9
    row[4:8] = [1, 0, 0, 0]
    for start in (8, 12, 16, 21, 25, 30, 35, 39):
        row[start] = 1
    row[20] = -1.0  # right knee
    (tmp_path / "a.txt").write_text(json.dumps({"Frames": [row.tolist()] * 2}))
    clip = read_deepmimic(tmp_path / "a.txt")
    assert clip.fps == pytest.approx(25) and np.allclose(clip.rotations[0, 4], about(2, -1.0))
    motion = read_motion(tmp_path / "a.txt")
    knee = motion.body_pose[0].reshape(21, 3)[4]  # a bent knee turns the shin back: about +x
    assert knee[0] == pytest.approx(1.0, abs=0.02) and np.abs(knee[1:]).max() < 0.12
    assert np.allclose(to_matrix(motion.global_orient[0]), np.eye(3), atol=1e-9)
    (tmp_path / "a.txt").write_text(json.dumps({"Frames": [row.tolist()[:43]]}))
    with pytest.raises(InputError):
        read_deepmimic(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text('{"Frames": [[1, 2')
    with pytest.raises(InputError):
        read_deepmimic(tmp_path / "a.txt")


def test_unknown_kind(tmp_path):
    with pytest.raises(InputError, match="motion file"):
        read_motion(tmp_path / "a.fbx")


TEXT, COMPLEX = np.full((5, 3), "x"), np.zeros((5, 3)) + 1j


@pytest.mark.parametrize(
    "change",
    [
        {"poses": np.full((5, 165), 40.0)},  # degrees
        {"trans": TEXT},
        {"trans": COMPLEX},
        {"betas": np.full(10, "x")},
        {"betas": np.full(10, np.nan)},
        {"mocap_framerate": np.array("thirty")},
        {"mocap_framerate": np.array(30 + 1j)},
        {"mocap_framerate": np.array(1e300)},
    ],
    ids=str,
)
def test_amass_of_any_content_is_read_or_refused(tmp_path, poses, change):
    np.savez(tmp_path / "a.npz", **({"poses": poses, "mocap_framerate": 30.0} | change))
    with pytest.raises(InputError):
        read_motion(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"body_pose": np.array(0.0)},
        {"global_orient": TEXT},
        {"left_hand_pose": np.full((5, 45), "x")},
        {"pose_hand": np.zeros((5, 24))},  # principal components
        {"transl": COMPLEX},
    ],
    ids=lambda c: next(iter(c)),
)
def test_named_poses_of_any_content_are_refused(tmp_path, change):
    parts = {"global_orient": np.zeros((5, 3)), "body_pose": np.zeros((5, 63)), "fps": 30.0}
    np.savez(tmp_path / "a.npz", **(parts | change))
    with pytest.raises(InputError):
        read_motion(tmp_path / "a.npz")


SKELETON = {
    "names": np.array(["a", "b"]), "parents": np.array([-1, 0]), "offsets": np.ones((2, 3)),
    "root": np.zeros((3, 3)), "rotvec": np.zeros((3, 2, 3)), "fps": 30.0,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"parents": np.array(["a", "b"])}, {"parents": np.array([np.nan, 0])}, {"parents": np.array(-1)},
        {"names": np.array("a")}, {"offsets": np.full((2, 3), "x")}, {"root": TEXT[:3]},
        {"rotvec": np.full((3, 2, 3), "x")}, {"fps": np.array([30.0, 30.0])}, {"fps": np.array("x")},
    ],
    ids=str,
)  # fmt: skip
def test_skeletons_of_any_content_are_refused(tmp_path, change):
    np.savez(tmp_path / "s.npz", **(SKELETON | change))
    with pytest.raises(InputError):
        read_skeleton_npz(tmp_path / "s.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"expmap": np.full((4, 117), "x")}, {"clip": np.zeros(2)}, {"offsets": np.full((38, 3), "x")},
        {"parents": np.full(38, "x")}, {"fps": np.array("x")},
    ],
    ids=lambda c: next(iter(c)),
)  # fmt: skip
def test_clips_of_any_content_are_refused(tmp_path, change):
    arrays = {
        "expmap": np.zeros((4, 117)), "clip": np.zeros(4), "clip_names": np.array(["train/walk/walk_1"]),
        "parents": np.arange(-1, 37), "offsets": np.ones((38, 3)), "fps": 30.0,
    }  # fmt: skip
    np.savez(tmp_path / "c.npz", **arrays)
    assert len(read_expmap117(tmp_path / "c.npz")) == 1
    np.savez(tmp_path / "c.npz", **(arrays | change))
    with pytest.raises(InputError):
        read_expmap117(tmp_path / "c.npz")


@pytest.mark.parametrize("channel", ["Wrotation", "1", "Xscale"])
def test_channels_that_are_no_axes_are_refused(tmp_path, channel):
    (tmp_path / "a.bvh").write_text(BVH.replace("Zrotation", channel, 1))
    with pytest.raises(InputError, match=f"channel '{channel}'"):
        read_bvh(tmp_path / "a.bvh")


def test_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "a.bvh").write_text(BVH, encoding="utf-8-sig")
    assert read_bvh(tmp_path / "a.bvh").names == ("Hips", "Chest")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"right": {"poses": []}}', '[{"handedness": "right", "names": []}]', "[1]"]
)
def test_json_of_any_content_is_refused(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text)
    for read in (read_deepmimic, read_godot_hands, read_handyjs):
        with pytest.raises(InputError):
            read(path)
