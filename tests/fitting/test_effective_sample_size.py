"""Effective numbers of measurements with known answers."""

import numpy as np
import pytest

from benchmarks.corruption import uv_noise
from diffproxy.fitting import FitConfig, fit
from diffproxy.fitting.effective_sample_size import independent_count


def test_copies_are_no_new_measurements():
    rng = np.random.default_rng(0)
    residual = np.repeat(rng.normal(size=(30, 2)), 10, axis=0)
    # copies lie together, the others a metre away
    place = np.repeat(np.arange(30)[:, None] * [1.0, 0.0], 10, axis=0)
    assert independent_count(residual, place) == pytest.approx(30)


def test_independent_noise_counts_in_full_and_a_common_error_once():
    rng = np.random.default_rng(1)
    place = rng.uniform(0, 2, size=(600, 2))
    assert independent_count(rng.normal(size=(600, 2)), place) > 250
    assert independent_count(np.ones((600, 2)), 0.1 * place) == pytest.approx(1)


def test_rough_noise_leaves_a_fit_surer_than_smooth_noise(make_scene):
    """Errors of the same size: independent ones average out, and the fit says so."""
    scene, pixels_alone = make_scene(), FitConfig(part_regions=False)  # the labels have no errors here
    smooth, rough = (
        fit(uv_noise(scene.maps, np.random.default_rng(0), *size), scene.body, pixels_alone)
        for size in ((0.05, 0), (0, 0.05))
    )
    assert 0.5 < smooth.sigma / rough.sigma < 1.2
    assert rough.joint_std[:22].mean() < 0.75 * smooth.joint_std[:22].mean()
    assert scene.joint_error(rough.joints) < scene.joint_error(smooth.joints)
