"""Triangulation of rays with known intersections."""

import numpy as np

from diffproxy.geometry.triangulation import (
    intersect_rays,
    intersect_rays_by_group,
    normal_equations,
    solve_point,
)


def rays_to(points: np.ndarray, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`count` rays from random origins to each point: origins and unit directions (P, count, 3)."""
    origin = np.random.default_rng(seed).normal(size=(len(points), count, 3)) * 3
    direction = points[:, None] - origin
    return origin, direction / np.linalg.norm(direction, axis=-1, keepdims=True)


def test_exact_rays_meet_in_their_point():
    points = np.array([[0.2, 0.5, -0.1], [100.0, -50.0, 3.0]])
    origin, direction = rays_to(points, 3)
    np.testing.assert_allclose(intersect_rays(origin, direction), points, atol=1e-5)
    np.testing.assert_allclose(intersect_rays(origin[0], direction[0]), points[0], atol=1e-7)
    np.testing.assert_allclose(intersect_rays(origin[0, :2], direction[0, :2]), points[0], atol=1e-7)


def test_the_weighted_sum_of_squared_distances_is_least():
    rng = np.random.default_rng(1)
    origin, direction = rays_to(np.zeros((1, 3)), 5)
    origin, direction = origin[0] + 0.1 * rng.normal(size=(5, 3)), direction[0]
    weight = rng.uniform(0.2, 3.0, 5)

    def cost(x):
        e = x - origin
        return weight @ (np.square(e).sum(-1) - np.einsum("ni,ni->n", e, direction) ** 2)

    best = intersect_rays(origin, direction, weight)
    assert all(cost(best) < cost(best + 1e-3 * rng.normal(size=3)) for _ in range(50))
    A, b = normal_equations(origin, direction, weight)
    x = rng.normal(size=3)
    constant = weight @ (np.square(origin).sum(-1) - np.einsum("ni,ni->n", origin, direction) ** 2)
    np.testing.assert_allclose(cost(x), x @ A.sum(0) @ x - 2 * b.sum(0) @ x + constant)


def test_grouped_rays_give_the_points_of_each_group():
    points = np.random.default_rng(2).normal(size=(7, 3))
    origin, direction = rays_to(points, 3)
    order = np.random.default_rng(3).permutation(21)
    group = np.repeat(np.arange(7), 3)[order]
    found = intersect_rays_by_group(origin.reshape(-1, 3)[order], direction.reshape(-1, 3)[order], group)
    np.testing.assert_allclose(found, intersect_rays(origin, direction), atol=1e-9)


def test_parallel_rays_give_a_finite_point():
    direction = np.tile([0.0, 0.0, 1.0], (2, 1))
    A, b = normal_equations(np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), direction, np.ones(2))
    np.testing.assert_allclose(solve_point(A.sum(0), b.sum(0))[:2], [0.5, 0.0], atol=1e-6)
