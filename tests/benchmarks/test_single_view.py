"""The benchmark of single pictures: its closed forms, its groups, its means."""

import numpy as np
import pytest

from diffproxy.body.names import BODY_JOINTS
from diffproxy.evaluation.single_view_errors import DISTANCE_NAMES, distance_name, place_errors
from diffproxy.single_view.picture_camera import picture_camera


@pytest.fixture
def script(load_benchmark):
    return load_benchmark("single_view")


@pytest.fixture
def closed_forms(load_benchmark):
    return load_benchmark("single_view_baselines")


@pytest.fixture
def picture(script):
    """A person 1.3 m away, off the middle of a wide picture."""
    joints = np.random.default_rng(0).normal(0, 0.25, (55, 3)) + np.array([0.4, -0.2, 1.3])
    box, camera = (300.0, 0.0, 640.0, 340.0), picture_camera(640, 480, 400.0)
    return script.Picture("a", np.zeros((8, 8, 3), np.uint8), (640, 480), box, camera, joints, joints)


def test_with_the_true_focal_length_the_translation_is_exact(closed_forms, picture):
    camera, true = picture_camera(640, 480, 400.0), picture.joints[BODY_JOINTS]
    found = closed_forms.translation(camera, true - true[0], camera.project(true))
    np.testing.assert_allclose(found, picture.joints[0], atol=1e-9)


def test_weak_perspective_is_exact_far_away(closed_forms):
    camera = picture_camera(640, 480, 400.0)
    local = np.random.default_rng(0).normal(0, 0.25, (22, 3))
    at = np.array([0.3, -0.2, 400.0])
    found = closed_forms.weak_perspective(camera, local, camera.project(local + at))
    np.testing.assert_allclose(found, at, rtol=1e-3, atol=1e-3)


def test_a_focal_length_that_is_too_long_puts_people_too_far(script, picture):
    rows = {
        k: place_errors(at, picture.joints[0], f, picture.focal)
        for k, (f, at) in script.baselines(picture).items()
    }
    assert set(rows) == {"fov60_true", "diagonal_true", "cliff_true"}
    assert rows["diagonal_true"]["f_percent"] == pytest.approx(100.0)
    assert all(row["tz_signed_percent"] > 10 for row in rows.values())


def test_pictures_are_grouped_by_distance(script):
    assert [distance_name(z) for z in (0.5, 0.9, 1.3, 3.0, 7.0)] == list(DISTANCE_NAMES)
    good = {"tz_m": 0.1, "tz_sigmas": 0.5, "status": "one_view"}
    bad = {"tz_m": 0.3, "tz_sigmas": 1.5, "status": "one_view"}
    rows = [(1.0, {"estimated": good}), (1.1, {"estimated": bad}), (5.0, {"estimated": {"status": "failed"}})]
    means = script.table(rows)["estimated"]
    assert means["0.8-1.2 m"]["tz_m"] == pytest.approx(0.2)
    assert means["0.8-1.2 m"]["tz_within_1_std"] == 0.5
    assert means["> 4 m"] == {"pictures": 1, "with_body": 0}
    assert means["all"]["pictures"] == 3 and means["all"]["with_body"] == 2
