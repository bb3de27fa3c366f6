"""Directions of errors: golden matrices, and rows that measure one direction."""

import dataclasses

import numpy as np
import pytest
import torch

from diffproxy.fitting.observations import ObservationRows, batch_observations
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.whitening import LEAST_COSINE, in_tangent_planes, stretched_along


def test_a_stretch_is_along_its_direction_only():
    found = stretched_along(torch.tensor([[0.6, 0.8]]), torch.tensor([3.0]))[0]
    assert torch.allclose(found @ torch.tensor([0.6, 0.8]), torch.tensor([1.8, 2.4]))
    assert torch.allclose(found @ torch.tensor([-0.8, 0.6]), torch.tensor([-0.8, 0.6]))


@pytest.mark.parametrize(
    ("normal", "expected"),
    [
        ((0.0, 0.0, -1.0), np.eye(2)),  # towards the camera: both directions err alike
        ((1.0, 0.0, 0.0), np.diag([1 / LEAST_COSINE, 1.0])),  # an edge: it lies where it is seen
        ((0.0, -0.8, -0.6), np.diag([1.0, (0.6**2 + LEAST_COSINE**2) ** -0.5])),
    ],
)
def test_errors_lie_in_the_surface(random_observations, normal, expected):
    """Points on the optical axis of the camera."""
    seen = random_observations
    points = seen.weight.new_zeros(*seen.weight.shape, 3)
    P = torch.tensor([[300.0, 0, 128, 128 * 8], [0, 310, 120, 120 * 8], [0, 0, 1, 8]], dtype=points.dtype)
    seen = dataclasses.replace(seen, P=P.expand(*seen.weight.shape, 3, 4))
    rows = torch.zeros_like(seen.on_hand)
    rows[0] = True
    normals = torch.tensor(normal, dtype=points.dtype).expand_as(points)
    found = in_tangent_planes(seen, normals, points, rows).whitening
    assert torch.allclose(found[0], torch.as_tensor(expected).expand_as(found[0]))
    assert torch.allclose(found[1], torch.eye(2, dtype=found.dtype).expand_as(found[1]))


def test_rows_of_one_direction_stay_so(body, make_ring):
    n = 3
    points = Correspondences(
        np.zeros(n, int), np.full((n, 2), 9.0), np.zeros(n, int), np.zeros(n, int), np.full((n, 3), 1 / 3),
        np.ones(n), np.zeros(n),
    )  # fmt: skip
    along = np.array([[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]])
    rows = [ObservationRows.of(points, sigma=0.01, only_along=along)]
    seen = batch_observations(rows, [tuple(make_ring(1))], [np.zeros(3)], body, by_limb=False)
    expected = np.array([[[0.36, 0.48], [0.48, 0.64]], np.eye(2), np.diag([1.0, 0.0])])
    np.testing.assert_allclose(seen.whitening[0], expected, atol=1e-6)
    assert seen.measures_both[0].tolist() == [False, True, False]
    plain = batch_observations([ObservationRows.of(points)], [tuple(make_ring(1))], [np.zeros(3)], body)
    assert plain.whitening is None and plain.measures_both.all()
