"""Stated deviations: wider for what few cameras show, for people of whom little is seen, and for what nobody sees."""

import numpy as np
import pytest

from diffproxy.fitting import FitConfig
from diffproxy.fitting.uncertainty import calibrated

STD = np.full(55, 0.01)
SEEN = np.ones(55)
CONFIG = FitConfig(few_cameras_power=0.5, unseen_std=1.0, unobserved_std_scale=3.0)


def cameras(*first: int) -> np.ndarray:
    """Of four cameras each joint is supported by four, the first joints by these."""
    count = np.full(55, 4)
    count[: len(first)] = first
    return count


def test_few_cameras_widen():
    out = calibrated(STD, SEEN, cameras(1, 2, 3, 4, 6, 0), CONFIG)
    assert out[:6] == pytest.approx([0.02, 0.01 * 2**0.5, 0.01 * (4 / 3) ** 0.5, 0.01, 0.01, 0.02])


def test_one_camera_alone_counts_as_two():
    """Its covariance has the depth, most of its error."""
    assert calibrated(STD, SEEN, np.ones(55, int), CONFIG) == pytest.approx(0.01 * 2**0.5)


def test_unseen_joints_widen_the_others():
    observed = SEEN.copy()
    observed[:11] = 0
    out = calibrated(STD, observed, cameras(), CONFIG)
    assert out[:11] == pytest.approx(0.03) and out[11:] == pytest.approx(0.015)


def test_plain_deviations_stay():
    assert calibrated(STD, SEEN, cameras(1, 2), FitConfig()) == pytest.approx(STD)
    assert calibrated(STD, SEEN, cameras(), FitConfig(std_scale=3, shared_std=0.04)) == pytest.approx(0.05)
