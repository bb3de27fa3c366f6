"""Limbs that keypoints of several views put elsewhere are turned there."""

import dataclasses

import numpy as np
import pytest

from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.fitting.initialization.keypoint_limbs import limbs_at_keypoints
from diffproxy.keypoints.landmarks import encoder_points

CONFIG = FitConfig(hands=False, max_pixels=200, num_initial_rotations=48)
LEG = [1, 4, 7]  # left hip, knee, ankle


@pytest.fixture(scope="module")
def scene(make_scene):
    return make_scene()


@pytest.fixture(scope="module")
def seen(scene, body):
    """(V, 17, 4) the true keypoints in pixels of each map, all confident and of one pixel's deviation."""
    points = encoder_points(body, scene.params)
    views = [np.column_stack([c.project(points), np.ones((17, 2))]) for c in scene.maps.cameras]
    return np.stack(views)


@pytest.fixture(scope="module")
def start(scene, leg_behind):
    return leg_behind(scene.params)


def evidence(body, keypoints):
    return EncoderKeypointFitter(body, CONFIG).evidence(keypoints)


def leg_error(body, params, scene):
    joints = body.joints(params)[0].numpy()
    return 1000 * np.linalg.norm(joints[LEG] - scene.joints[LEG], axis=-1).max()


def test_a_leg_is_turned_to_its_keypoints(scene, start, body, seen):
    moved = limbs_at_keypoints(start, body, evidence(body, seen), scene.maps.cameras)
    assert leg_error(body, start, scene) > 300 and leg_error(body, moved, scene) < 1
    others = body.joints(moved)[0].numpy()[[5, 8, 18, 19, 20, 21]]
    assert np.allclose(others, scene.joints[[5, 8, 18, 19, 20, 21]], atol=1e-4)


def test_one_view_that_contradicts_the_others_is_left_out(scene, start, body, seen):
    wrong = seen.copy()
    wrong[0, :, :2] = wrong[0, ::-1, :2]
    moved = limbs_at_keypoints(start, body, evidence(body, wrong), scene.maps.cameras)
    assert leg_error(body, moved, scene) < 1


def test_nothing_is_turned_without_a_reason(scene, start, body, seen):
    cameras = scene.maps.cameras
    assert limbs_at_keypoints(scene.params, body, evidence(body, seen), cameras) is None  # all in place
    once = seen.copy()
    once[1:, :, 2] = 0
    assert limbs_at_keypoints(start, body, evidence(body, once), cameras) is None  # one view
    apart = seen[:2].copy()
    apart[1, :, 1] += 20  # the rays of two cameras beside each other no longer meet
    assert limbs_at_keypoints(start, body, evidence(body, apart), cameras[:2]) is None


def test_a_fit_ends_where_keypoints_agree_with_the_pixels(scene, start, body, seen):
    config = dataclasses.replace(CONFIG, left_right_flips=False)  # no search by pixels
    left = fit(scene.maps, body, config, start)
    found = EncoderKeypointFitter(body, config).fit(scene.maps, seen, start)
    assert scene.joint_error(left.joints) > 50 and scene.joint_error(found.joints) < 1
