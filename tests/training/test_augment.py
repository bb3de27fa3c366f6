from dataclasses import replace

import numpy as np
import pytest

from diffproxy.training.augment import AugmentConfig, View, draw_warp


@pytest.fixture
def view(make_ring):
    labels = np.zeros((96, 96), np.uint8)
    labels[20:80, 30:60] = 1
    blank = np.zeros((96, 96, 3), np.uint8)
    return View(blank, labels, np.zeros((96, 96, 2), np.float32), make_ring(1, size=96)[0], "body")


def rolls(view, config, count=2000):
    rng = np.random.default_rng(0)
    warps = [draw_warp(view, rng, config, 64).matrix for _ in range(count)]
    return np.degrees([np.arctan2(m[1, 0], m[0, 0]) for m in warps])


def test_most_views_roll_a_little_and_some_any_way(view):
    """Beyond four standard deviations lie only the views of `any_roll`, evenly: (360 - 96) / 360 of them."""
    config = AugmentConfig(roll_deg=12, any_roll=0.3)
    angles = rolls(view, config)
    assert (np.abs(angles) > 48).mean() == pytest.approx(0.3 * 264 / 360, abs=0.03)
    assert np.abs(np.abs(angles) > 90).mean() == pytest.approx(0.15, abs=0.03)
    assert rolls(view, replace(config, any_roll=0.0)).std() == pytest.approx(12, abs=0.6)


def test_the_crop_lies_about_what_the_view_shows(view):
    """Whatever the roll: the centre of the labels lands in the middle, within `shift` of the side."""
    config = AugmentConfig(whole=0.0, shift=0.0, any_roll=1.0)
    for seed in range(20):
        warp = draw_warp(view, np.random.default_rng(seed), config, 64)
        np.testing.assert_allclose(warp.matrix @ [45.0, 50.0, 1.0], [32, 32], atol=1e-9)
