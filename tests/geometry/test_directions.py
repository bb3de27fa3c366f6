"""Smallest rotations, and cameras that look at a point."""

import numpy as np
import pytest

from diffproxy.geometry.directions import (
    look_at_rotation,
    rotation_between,
)
from diffproxy.geometry.rotations import rotation_angle


def directions() -> np.ndarray:
    return np.concatenate([np.random.default_rng(0).normal(size=(6, 3)), np.eye(3), -np.eye(3)])


def test_the_smallest_rotation_between_directions():
    for a in directions():
        for b in (*directions(), -a, 3 * a, a + 1e-9, -a + 3e-9):
            R = rotation_between(a, b)
            u, v = a / np.linalg.norm(a), b / np.linalg.norm(b)
            np.testing.assert_allclose(R @ u, v, atol=1e-8)
            np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-8)
            assert np.linalg.det(R) > 0
            assert rotation_angle(R, np.eye(3)) == pytest.approx(np.arccos(np.clip(u @ v, -1, 1)), abs=1e-6)


def test_a_camera_that_looks_at_a_point_shows_it_in_the_middle_and_upright():
    position, target = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, -0.3])
    R = look_at_rotation(position, target)
    seen = R @ (target - position)
    np.testing.assert_allclose(seen, [0, 0, np.linalg.norm(target - position)], atol=1e-12)
    above = R @ (target + np.array([0, 0.1, 0]) - position)
    assert above[1] < 0 and abs(above[0]) < 1e-12  # image y runs down
    assert np.linalg.det(R) == pytest.approx(1)
