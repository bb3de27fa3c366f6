"""Moving a regressed body onto the keypoints: exact where the pose is right, robust where keypoints are wrong."""

import numpy as np
import pytest
import torch

from diffproxy.body.names import PARENTS
from diffproxy.geometry.so3 import rotvec_to_rotmat
from diffproxy.keypoints.landmarks import encoder_places
from diffproxy.single_view.keypoint_body import KeypointBody
from diffproxy.single_view.keypoint_placement import points_on_bones, shift_onto_keypoints

K = np.array([[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]])


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(17, 3)) * 0.3 + [0.2, -0.1, 2.0]


def seen(points):
    pixels = points @ K.T
    return np.concatenate([pixels[:, :2] / pixels[:, 2:], np.tile([0.8, 3.0], (17, 1))], axis=1)


def test_points_on_bones_are_those_of_the_skeleton_without_skin(body):
    random = torch.Generator().manual_seed(2)
    turns = rotvec_to_rotmat(0.5 * torch.randn(1, 22, 3, generator=random))
    joints, expected = KeypointBody(body)(turns, torch.randn(1, 10, generator=random))
    found = points_on_bones(joints[0].numpy(), turns[0].numpy(), PARENTS, encoder_places())
    np.testing.assert_allclose(found, expected[0], atol=1e-5)


def test_a_body_in_the_wrong_place_is_moved_to_the_right_one(points):
    off = np.array([0.1, -0.05, 0.3])
    np.testing.assert_allclose(shift_onto_keypoints(points - off, seen(points), K, 0.3, 1e3), off, atol=1e-5)
    kept = shift_onto_keypoints(points - [0.1, -0.05, 0], seen(points), K, 0.3, 1e-6)
    np.testing.assert_allclose(kept, [0.1, -0.05, 0.0], atol=1e-9)


def test_a_keypoint_on_somebody_else_and_missing_ones_count_for_little(points):
    keypoints = seen(points)
    keypoints[3, :2] += 300.0
    keypoints[5:9, :2], keypoints[5:9, 2] = 0.0, 0.1
    assert np.abs(shift_onto_keypoints(points, keypoints, K, 0.3, 0.2)).max() < 0.01
    keypoints[1:, 2] = 0.1
    assert not shift_onto_keypoints(points, keypoints, K, 0.3, 0.2).any()
