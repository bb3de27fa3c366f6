"""Limbs that a fitted body leaves unexplained are searched again."""

import sys

import pytest

from diffproxy.fitting import FitConfig, fit

CONFIG = FitConfig(hands=False, max_pixels=200, num_initial_rotations=48)


def test_a_leg_that_the_start_has_elsewhere_is_found(make_scene, leg_behind, body, monkeypatch):
    scene = make_scene()
    start = leg_behind(scene.params)
    found = fit(scene.maps, body, CONFIG, start)
    assert found.status == "ok" and scene.joint_error(found.joints) < 1

    monkeypatch.setattr(sys.modules["diffproxy.fitting.fit"], "search_again", lambda *_: None)
    left = fit(scene.maps, body, CONFIG, start)
    assert scene.joint_error(left.joints) > 50 and left.objective > found.objective


def test_good_fits_are_not_searched(make_scene, body, monkeypatch):
    def never(*_):
        pytest.fail("searched")

    module = sys.modules["diffproxy.fitting.initialization.search_again"]
    monkeypatch.setattr(module, "other_limbs", never)
    assert fit(make_scene().maps, body, CONFIG).status == "ok"
