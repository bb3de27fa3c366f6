"""Alignment of points and of camera frames that differ by a known similarity (and metrics/test_point_metrics.py)."""

import numpy as np
import torch

from diffproxy.geometry.procrustes import align_frames, align_points, nearest_rotation, special_procrustes
from diffproxy.geometry.rotations import to_matrix


def test_nearest_rotation_is_that_of_roma():
    import roma

    M = np.random.default_rng(0).normal(size=(50, 3, 3))  # about half of them reflections
    R, singular = special_procrustes(M)
    expected, signed = roma.special_procrustes(torch.from_numpy(M), return_singular_values=True)
    np.testing.assert_allclose(R, expected.numpy(), atol=1e-12)
    np.testing.assert_allclose(singular, signed.numpy(), atol=1e-12)
    assert (singular[:, 2] < 0).any() and (singular[:, 2] > 0).any()
    exact = to_matrix(np.array([0.3, -2.0, 1.0]))
    np.testing.assert_allclose(nearest_rotation(1.7 * exact), exact, atol=1e-14)


def test_weighted_alignment_is_that_of_roma():
    import roma

    rng = np.random.default_rng(1)
    x, y, w = rng.normal(size=(4, 9, 3)), rng.normal(size=(4, 9, 3)), rng.uniform(0.1, 2.0, (4, 9))
    for with_scale in (True, False):
        ours = align_points(x, y, w, with_scale)
        args = (torch.from_numpy(a) for a in (x, y, w))
        R, t, *scale = roma.rigid_points_registration(*args, compute_scaling=with_scale)
        np.testing.assert_allclose(ours.R, R.numpy(), atol=1e-12)
        np.testing.assert_allclose(ours.t, t.numpy(), atol=1e-12)
        np.testing.assert_allclose(ours.scale, scale[0].numpy() if with_scale else 1.0, atol=1e-12)


def test_a_point_of_weight_zero_does_not_count():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(8, 3))
    y = x @ to_matrix(np.array([0.5, 0.2, -1.0])).T + [1.0, 2.0, 3.0]
    y[3] += 5.0
    found = align_points(x, y, np.where(np.arange(8) == 3, 0.0, 1.0), with_scale=False)
    np.testing.assert_allclose(found.apply(x)[[0, 7]], y[[0, 7]], atol=1e-12)


def test_two_frames_are_enough_to_align_worlds():
    rng = np.random.default_rng(3)
    R_world, t, scale = to_matrix(np.array([0.4, -1.0, 2.0])), np.array([1.0, -2.0, 0.5]), 1.3
    R = to_matrix(rng.normal(size=(2, 3)))
    c = rng.normal(size=(2, 3))
    found = align_frames(R, c, R @ R_world.T, scale * c @ R_world.T + t)
    np.testing.assert_allclose(found.R, R_world, atol=1e-12)
    np.testing.assert_allclose(found.scale, scale)
    np.testing.assert_allclose(found.t, t, atol=1e-12)
