"""Rays, triangulation and the search for rigid pieces, on scenes with known answers."""

import numpy as np
import pytest

from diffproxy.fitting.initialization.register_segments import (
    RegistrationPrior,
    RigidSegment,
    register_segment,
    rotation_grid,
)
from diffproxy.fitting.rays import pixel_rays
from diffproxy.geometry.rotations import rotation_angle, to_matrix


@pytest.fixture()
def scene(make_ring):
    """A box of points of limb size, its pose, four cameras, and which of them see which point."""
    rng = np.random.default_rng(0)
    cameras = make_ring(4)
    points = rng.uniform(-1, 1, (160, 3)) * [0.06, 0.22, 0.05]
    R, t = to_matrix(np.array([[0.4, 2.5, -0.7]]))[0], np.array([0.1, -0.2, 0.3])
    view = np.arange(160) % 4
    world = points @ R.T + t
    pixel = np.stack([cameras[v].project(x) for v, x in zip(view, world, strict=True)])
    return cameras, points, R, t, view, pixel


def test_rays_pass_through_what_they_see(scene):
    cameras, points, R, t, view, pixel = scene
    rays = pixel_rays(cameras, view, pixel)
    assert np.abs(rays.offsets(points @ R.T + t)).max() < 1e-12
    assert np.allclose(np.linalg.norm(rays.direction, axis=-1), 1)


def test_grid_covers_all_rotations():
    grid = rotation_grid(300)
    rng = np.random.default_rng(1)
    probes = to_matrix(rng.normal(size=(200, 3)) * 2)
    cosine = np.einsum("aij,bij->ab", probes, grid)
    assert np.allclose(grid @ np.swapaxes(grid, 1, 2), np.eye(3), atol=1e-12)
    assert np.degrees(np.arccos((cosine.max(1).min() - 1) / 2)) < 45


def test_piece_is_found_without_a_guess(scene):
    cameras, points, R, t, view, pixel = scene
    piece = RigidSegment(points, pixel_rays(cameras, view, pixel), np.full(160, 0.2))
    best = register_segment(piece, RegistrationPrior(), rotation_grid(300), iterations=10)
    assert rotation_angle(best.R[0], R) < 1e-5
    assert np.allclose(best.t[0], t, atol=1e-6)


def test_scale_is_found(scene):
    cameras, points, _, _, view, pixel = scene
    piece = RigidSegment(points / 1.1, pixel_rays(cameras, view, pixel), np.full(160, 50.0))
    best = register_segment(piece, RegistrationPrior(log_scale_std=1.0), rotation_grid(300), iterations=12)
    assert abs(best.scale[0] - 1.1) < 1e-4


def test_one_wrong_view_of_four_is_outvoted(scene):
    cameras, points, R, t, view, pixel = scene
    wrong = view == 2
    elsewhere = points @ R.T + t + [0.0, 0.0, 0.35]
    pixel[wrong] = cameras[2].project(elsewhere[wrong])
    piece = RigidSegment(points, pixel_rays(cameras, view, pixel), np.full(160, 0.2))
    best = register_segment(piece, RegistrationPrior(), rotation_grid(300), iterations=10)
    assert rotation_angle(best.R[0], R) < np.radians(6)
    assert np.linalg.norm(best.t[0] - t) < 0.02


def test_a_single_view_fixes_a_piece_of_known_size(scene):
    cameras, points, R, t, _, _ = scene
    pixel = cameras[0].project(points @ R.T + t)
    piece = RigidSegment(points, pixel_rays(cameras, np.zeros(160, dtype=np.int64), pixel), np.full(160, 0.2))
    best = register_segment(piece, RegistrationPrior(), rotation_grid(300), iterations=15)
    assert rotation_angle(best.R[0], R) < 1e-3
    assert np.allclose(best.t[0], t, atol=1e-3)
