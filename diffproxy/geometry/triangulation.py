"""Triangulation: weighted least squares on perpendicular distances to rays."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

DAMPING = 1e-12
"""Of the trace of the normal matrix: keeps parallel rays solvable."""


def perpendicular(direction: Float[np.ndarray, "*B 3"]) -> Float[np.ndarray, "*B 3 3"]:
    """Projection `I - d d^T` (..., 3, 3) onto the plane perpendicular to each unit direction."""
    return np.eye(3) - direction[..., :, None] * direction[..., None, :]


def normal_equations(
    origin: Float[np.ndarray, "*#B 3"],
    direction: Float[np.ndarray, "*#B 3"],
    weight: Float[np.ndarray, "*#B"],
) -> tuple[Float[np.ndarray, "*B 3 3"], Float[np.ndarray, "*B 3"]]:
    """Normal equations of the squared distance to rays.

    Args:
        origin: (..., 3) points on the rays, metres.
        direction: (..., 3) unit vectors.
        weight: (...) weights.

    Returns:
        `A` (..., 3, 3) and `b` (..., 3): the weighted squared distance of x is `x·A x - 2 b·x` plus a constant.
    """
    A = np.asarray(weight)[..., None, None] * perpendicular(direction)
    return A, np.einsum("...ij,...j->...i", A, origin)


def solve_point(A: Float[np.ndarray, "*B 3 3"], b: Float[np.ndarray, "*#B 3"]) -> Float[np.ndarray, "*B 3"]:
    """The minimum (..., 3) of summed `normal_equations`; for parallel rays, a point near the origin."""
    damping = DAMPING * np.trace(A, axis1=-2, axis2=-1)[..., None, None] * np.eye(3)
    return np.linalg.solve(A + damping, b[..., None])[..., 0]


def intersect_rays(
    origin: Float[np.ndarray, "*B N 3"],
    direction: Float[np.ndarray, "*B N 3"],
    weight: Float[np.ndarray, "*B N"] | None = None,
) -> Float[np.ndarray, "*B 3"]:
    """The point nearest to N rays.

    Args:
        origin: where the rays start, metres.
        direction: unit vectors.
        weight: of each ray's squared distance; None: all 1.

    Returns:
        The points, metres. They may lie behind an origin: rays are taken as lines.
    """
    A, b = normal_equations(origin, direction, np.ones(origin.shape[:-1]) if weight is None else weight)
    return solve_point(A.sum(axis=-3), b.sum(axis=-2))


def intersect_rays_by_group(
    origin: Float[np.ndarray, "N 3"], direction: Float[np.ndarray, "N 3"], group: Int[np.ndarray, " N"]
) -> Float[np.ndarray, "G 3"]:
    """`intersect_rays` for rays of several points in one list; `group` numbers the point of each ray from 0."""
    A, b = normal_equations(origin, direction, np.ones(len(origin)))
    count = int(group.max()) + 1
    A_sum, b_sum = np.zeros((count, 3, 3)), np.zeros((count, 3))
    np.add.at(A_sum, group, A)
    np.add.at(b_sum, group, b)
    return solve_point(A_sum, b_sum)
