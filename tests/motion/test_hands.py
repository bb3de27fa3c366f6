"""Hand poses: bone directions and back, finger limits, the mirror, the readers of free hand poses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diffproxy.body.flip import flip_body_pose, flip_hand_pose
from diffproxy.body.names import BODY_JOINT_NAMES
from diffproxy.geometry.rotations import axis_rotation, to_matrix
from diffproxy.motion.hand_directions import (
    FINGERS,
    FLAT_DIRECTIONS,
    bone_directions,
    calibrate,
    hand_pose,
)
from diffproxy.motion.hand_synergy import sample_fingers
from diffproxy.motion.readers.hands import read_handy_work, read_handyjs
from diffproxy.utils.errors import InputError

KNUCKLES = {
    "index": (-95, 0, 27),
    "middle": (-98, 0, 0),
    "ring": (-90, 0, -18),
    "pinky": (-80, 0, -36),
    "thumb": (-30, -5, 30),
}


def positions(directions: np.ndarray, joints: int) -> np.ndarray:
    """A right hand's joints (mm) in WebXR (25) or MediaPipe (21) order with the given bone directions."""
    points = np.zeros((joints, 3))
    for finger, order in enumerate(("index", "middle", "pinky", "ring", "thumb")):
        slot = ("thumb", "index", "middle", "ring", "pinky").index(order)
        first = 1 + 4 * slot if joints == 21 or order == "thumb" else 1 + 5 * slot
        chain = np.array(KNUCKLES[order]) + np.cumsum(
            np.vstack([np.zeros(3), directions[finger] * 30]), axis=0
        )
        points[first : first + 4] = chain
    return points


@pytest.fixture
def curled():
    """Directions of a hand with its fingers bent by 0.6, 0.9 and 0.5 rad, thumb flat."""
    pose = np.zeros((5, 3, 3))
    pose[:4, :, 2] = (0.6, 0.9, 0.5)
    return bone_directions(pose.reshape(45))


def test_flat_hand_is_zero(curled):
    assert np.allclose(hand_pose(FLAT_DIRECTIONS), 0) and np.allclose(
        bone_directions(np.zeros(45)), FLAT_DIRECTIONS
    )
    assert np.allclose(bone_directions(hand_pose(curled)), curled)


def test_bending_goes_to_the_palm(curled):
    """In SMPL-X a right finger bends by turning about +z: from -x towards -y."""
    assert (curled[:4, 0, 1] < -0.5).all()
    pose = hand_pose(curled).reshape(5, 3, 3)
    assert np.allclose(pose[1, :, 2], (0.6, 0.9, 0.5), atol=1e-6) and np.abs(pose[1, :, :2]).max() < 1e-6


def test_handyjs_and_tracked_positions(tmp_path, curled):
    """The same hand comes out of positions in two orders, wherever the hand lies in space."""
    turn, shift = to_matrix(np.array([0.4, -1.0, 0.7])), np.array([100.0, 20, -300])
    poses = [
        {"names": [n], "handedness": "right", "jointPositions": (positions(d, 25) @ turn.T + shift).tolist()}
        for n, d in (("flat", FLAT_DIRECTIONS), ("curl", curled))
    ]
    poses[0]["jointPositions"] = (
        positions(FLAT_DIRECTIONS @ axis_rotation(2, 0.1396).T, 25) @ turn.T + shift
    ).tolist()
    (tmp_path / "h.json").write_text(json.dumps([*poses, {"handedness": "left", "names": ["flat"]}]))
    found = read_handyjs(tmp_path / "h.json")["curl"]
    assert np.allclose(bone_directions(found), curled, atol=0.02)


def test_handy_work_left_matrices(tmp_path, curled):
    """Matrices of the left hand are read as the right hand making the same shape."""
    (tmp_path / "p").mkdir()
    for name, directions in (("flat", FLAT_DIRECTIONS), ("curl", curled)):
        matrices = np.tile(np.eye(4, dtype="<f4"), (25, 1, 1))
        matrices[:, 3, :3] = positions(directions, 25) * [-1, 1, 1]
        np.concatenate([[25], matrices.ravel(), np.zeros(10)]).astype("<f4").tofile(
            tmp_path / "p" / f"{name}.handpose"
        )
    found = read_handy_work(tmp_path / "p")
    assert np.allclose(bone_directions(found["curl"]), curled, atol=1e-5)
    (tmp_path / "p" / "cut.handpose").write_bytes(b"\0" * 100)
    with pytest.raises(InputError):
        read_handy_work(tmp_path / "p")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '[{"handedness": "right"}]',
        '[{"handedness": "right", "names": ["flat"], "jointPositions": [[0,0,0]]}]',
    ],
)
def test_bad_hand_files(tmp_path, text):
    (tmp_path / "h.json").write_text(text)
    with pytest.raises(InputError):
        read_handyjs(tmp_path / "h.json")


def test_calibrate_takes_out_a_tilted_wrist():
    tilt = to_matrix(np.array([0.0, 0.1, 0.3]))
    assert np.allclose(
        calibrate(FLAT_DIRECTIONS @ tilt.T) @ tilt @ FLAT_DIRECTIONS[1, 0], FLAT_DIRECTIONS[1, 0], atol=0.05
    )


def test_sampled_fingers_stay_within_anatomy():
    """Angles at each finger joint over 300 draws; the last joint follows the middle one."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        pose = sample_fingers(rng).reshape(5, 3, 3)
        bend = np.degrees(np.linalg.norm(pose[:4], axis=-1))
        assert bend[:, 0].max() <= 93 and bend[:, 1].max() <= 105.1 and bend[:, 2].max() <= 70.1
        assert np.allclose(pose[FINGERS.index("thumb")], 0)
        assert (pose[:4, 1:, 2] >= np.radians(-5.1)).all()  # middle and end joints hardly bend backwards
    again = sample_fingers(np.random.default_rng(7))
    assert np.array_equal(again, sample_fingers(np.random.default_rng(7)))


def test_mirror_is_an_involution_and_mirrors_matrices():
    rng = np.random.default_rng(0)
    body, hand = rng.normal(size=(4, 63)), rng.normal(size=(4, 45))
    assert np.array_equal(flip_body_pose(flip_body_pose(body)), body)
    assert np.array_equal(flip_hand_pose(flip_hand_pose(hand)), hand)
    flip = np.diag([-1.0, 1, 1])
    left, right = (BODY_JOINT_NAMES.index(n) - 1 for n in ("left_knee", "right_knee"))
    before, after = to_matrix(body.reshape(4, 21, 3)), to_matrix(flip_body_pose(body).reshape(4, 21, 3))
    assert np.allclose(after[:, left], flip @ before[:, right] @ flip)
    assert np.allclose(
        after[:, BODY_JOINT_NAMES.index("head") - 1],
        flip @ before[:, BODY_JOINT_NAMES.index("head") - 1] @ flip,
    )
