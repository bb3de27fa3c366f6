"""What of a residual counts: rows that measure one direction only, and errors that lie in the surface.

Which point of the surface a pixel shows is uncertain; where the pixel is, is not. So an error lies in the tangent plane
of the surface, and its image is short across the outline: a pixel at the edge of a limb says exactly where this edge
is, and little of where along the limb it is. A 2 x 2 matrix for each row, applied to its residual, makes the errors
equally large in all directions.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.fitting.terms.reprojection import Observations, project_points

LEAST_COSINE = 0.2
"""Least cosine between surface normal and viewing ray that is believed: outlines of people have cloth on them."""


def in_tangent_planes(
    observations: Observations,
    normals: Float[Tensor, "B N 3"],
    points: Float[Tensor, "B N 3"],
    rows: Bool[Tensor, "B N"],
) -> Observations:
    """Observations whose errors lie in the surface.

    Args:
        observations: Rows of B subjects.
        normals: Unit normals of the surface at each row's point.
        points: The points, relative to the subjects' centres, metres.
        rows: The rows that this is said of; the others stay as they are.
    """
    P = observations.P
    pixel, _ = project_points(P, points)
    axes = torch.nn.functional.normalize(P[..., :2, :3] - pixel[..., None] * P[..., 2:, :3], dim=-1)
    seen = (axes @ normals[..., None])[..., 0]  # of the normal in the image: its length is the sine
    sine = seen.norm(dim=-1).clamp(1e-6, 1.0)
    factor = (1 - sine**2 + LEAST_COSINE**2).rsqrt().clamp_min(1.0)
    stretch = stretched_along(seen / sine[..., None], torch.where(rows, factor, 1.0))
    if observations.whitening is not None:
        stretch = stretch @ observations.whitening
    return replace(observations, whitening=stretch)


def stretched_along(direction: Float[Tensor, "*B 2"], factor: Float[Tensor, "*B"]) -> Float[Tensor, "*B 2 2"]:
    """The matrix that stretches by `factor` along a unit vector and leaves what is orthogonal to it."""
    eye = torch.eye(2, dtype=direction.dtype, device=direction.device)
    return eye + (factor - 1)[..., None, None] * direction[..., :, None] * direction[..., None, :]
