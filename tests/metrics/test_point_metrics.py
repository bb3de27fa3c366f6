"""Joint and vertex errors with known answers; Procrustes by its invariances."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from diffproxy.metrics import (
    align_points,
    auc,
    body_errors,
    mpjpe,
    mpvpe,
    pa_mpjpe,
    pa_mpvpe,
    pck,
    point_errors,
    region_errors,
)
from diffproxy.utils.errors import InputError


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(4, 22, 3))


def move(points, rng, scale=1.7):
    R = Rotation.random(len(points), random_state=rng).as_matrix()
    return scale * points @ np.swapaxes(R, -1, -2) + rng.normal(size=(len(points), 1, 3)), R


def test_a_known_offset_in_millimetres(points):
    shifted = points + np.array([0.003, 0, 0.004])
    assert mpjpe(shifted, points) == pytest.approx([5] * 4)
    assert mpjpe(shifted, points, root=3) == pytest.approx([0] * 4, abs=1e-9)
    assert pa_mpjpe(shifted, points) == pytest.approx([0] * 4, abs=1e-9)
    one = points.copy()
    one[:, 5] += [0, 0.022, 0]
    assert mpvpe(one, points) == pytest.approx([1] * 4)
    assert point_errors(one, points)[:, 5] == pytest.approx([22] * 4)


def test_root_alignment_uses_the_named_joint(points):
    one = points.copy()
    one[:, 0] += [0, 0.022, 0]  # only the root is wrong: root alignment spreads it over the 21 others
    assert mpjpe(one, points, root=0) == pytest.approx([21] * 4)
    assert mpjpe(one, points, root=1) == pytest.approx([1] * 4)
    roots = (one[:, 0], points[:, 0])
    assert mpvpe(one, points, roots) == pytest.approx([21] * 4)


def test_procrustes_recovers_the_similarity(points):
    rng = np.random.default_rng(1)
    moved, R = move(points, rng)
    found = align_points(points, moved)
    np.testing.assert_allclose(found.scale, 1.7, rtol=1e-12)
    np.testing.assert_allclose(found.R, R, atol=1e-12)
    np.testing.assert_allclose(found.apply(points), moved, atol=1e-12)


def test_procrustes_error_is_blind_to_any_similarity_of_the_estimate(points):
    rng = np.random.default_rng(2)
    noisy = points + 0.02 * rng.normal(size=points.shape)
    moved, _ = move(noisy, rng, scale=0.3)
    np.testing.assert_allclose(pa_mpjpe(moved, points), pa_mpjpe(noisy, points), rtol=1e-9)
    assert (pa_mpvpe(noisy, points) <= mpvpe(noisy, points)).all() and pa_mpjpe(noisy, points).min() > 10


def test_a_mirror_is_not_a_rotation(points):
    mirrored = points * [-1, 1, 1]
    found = align_points(mirrored, points)
    np.testing.assert_allclose(np.linalg.det(found.R), 1)
    assert pa_mpjpe(mirrored, points).min() > 100


def test_it_is_the_minimum(points):
    """No nearby similarity has a smaller sum of squares."""
    rng = np.random.default_rng(3)
    target = points + 0.1 * rng.normal(size=points.shape)
    best = align_points(points, target)
    least = ((best.apply(points) - target) ** 2).sum(axis=(1, 2))
    for _ in range(50):
        R = Rotation.from_rotvec(rng.normal(size=3) * 1e-3).as_matrix() @ best.R
        scale, t = best.scale * (1 + 1e-3 * rng.normal()), best.t + 1e-3 * rng.normal(size=3)
        other = scale[:, None, None] * points @ np.swapaxes(R, -1, -2) + t[:, None]
        assert (((other - target) ** 2).sum(axis=(1, 2)) >= least - 1e-12).all()


def test_without_scale_it_is_rigid(points):
    moved, _ = move(points, np.random.default_rng(4))
    assert (align_points(points, moved, with_scale=False).scale == 1).all()


def test_planar_and_coincident_points_have_an_answer(points):
    flat = points * [1, 1, 0]
    moved, _ = move(flat, np.random.default_rng(5))
    assert pa_mpjpe(flat, moved) == pytest.approx([0] * 4, abs=1e-9)
    heap = np.zeros_like(points)
    found = align_points(heap, points)
    assert (found.scale == 1).all() and (np.eye(3) == found.R).all()
    np.testing.assert_allclose(found.t, points.mean(axis=1))


def test_an_unknown_frame_is_nan_and_leaves_the_others_alone(points):
    found = points.copy()
    found[2, 7, 1] = np.nan
    for error in (mpjpe, pa_mpjpe):
        values = error(found, points)
        assert np.isnan(values[2]) and values[[0, 1, 3]] == pytest.approx([0, 0, 0], abs=1e-9)


def test_everything_at_once(points):
    errors = body_errors(points + 0.001, points, points + 0.002, points)
    assert set(errors) == {"mpjpe", "ra_mpjpe", "pa_mpjpe", "mpvpe", "ra_mpvpe", "pa_mpvpe"}
    assert errors["mpjpe"] == pytest.approx([3**0.5] * 4) and errors["mpvpe"] == pytest.approx(
        [2 * 3**0.5] * 4
    )
    assert errors["ra_mpjpe"] == pytest.approx([0] * 4, abs=1e-9)
    assert errors["ra_mpvpe"] == pytest.approx([3**0.5] * 4)
    assert set(body_errors(points, points)) == {"mpjpe", "ra_mpjpe", "pa_mpjpe"}


def test_pck_and_auc():
    errors = np.array([0.5, 149.0, 151.0, np.nan])
    assert pck(errors) == pytest.approx(2 / 3)
    # below 1, 6, ..., 146 mm only the first of three; 30 thresholds
    assert auc(errors) == pytest.approx(1 / 3)
    assert np.isnan(pck(np.array([np.nan])))


def test_different_point_sets_are_refused(points):
    with pytest.raises((InputError, TypeError)):
        mpjpe(points[:, :20], points)


def test_region_errors_are_the_means_of_their_own_vertices() -> None:
    true = np.zeros((2, 5, 3))
    found = true.copy()
    found[1, :2, 0] = 0.01
    found[1, 2:, 1] = 0.03
    regions = {
        "a": np.array([1, 1, 0, 0, 0], bool),
        "b": np.array([0, 0, 1, 1, 1], bool),
        "c": np.zeros(5, bool),
    }
    out = region_errors(found, true, regions)
    assert set(out) == {"mpvpe_a", "mpvpe_b"}
    np.testing.assert_allclose(out["mpvpe_a"], [0, 10])
    np.testing.assert_allclose(out["mpvpe_b"], [0, 30])
