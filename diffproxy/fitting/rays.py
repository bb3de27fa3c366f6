"""Pixels as rays in the world, and the distance of points from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.fitting.terms.correspondences import Correspondences, per_view_weights
from diffproxy.geometry.robust import geman_mcclure

RAY_KERNEL = 0.12
"""Scale of the Geman-McClure loss of distances from rays, metres: errors of the proxies and of the mean shape."""


@dataclass(frozen=True)
class Rays:
    """N rays `origin + s * direction` (world, metres; unit directions)."""

    origin: Float[np.ndarray, "N 3"]
    direction: Float[np.ndarray, "N 3"]

    def __getitem__(self, rows: np.ndarray) -> Rays:
        return Rays(self.origin[rows], self.direction[rows])

    def __len__(self) -> int:
        return len(self.origin)

    def offsets(self, points: Float[np.ndarray, "*K N 3"]) -> Float[np.ndarray, "*K N 3"]:
        """Vector from each ray to its point, perpendicular to the ray. Points behind the origin: from the origin."""
        e = points - self.origin
        along = np.maximum(np.einsum("...i,...i->...", e, self.direction), 0.0)
        return e - along[..., None] * self.direction


def pixel_rays(
    cameras: tuple[Camera, ...], view: Int[np.ndarray, " N"], pixel: Float[np.ndarray, "N 2"]
) -> Rays:
    """Rays of pixels in pinhole cameras."""
    K_inv = np.stack([np.linalg.inv(c.K) for c in cameras])
    R = np.stack([c.R_cam_world for c in cameras])
    centers = np.stack([-c.R_cam_world.T @ c.t_cam_world for c in cameras])
    homogeneous = np.concatenate([pixel, np.ones((len(pixel), 1))], axis=-1)
    direction = (np.swapaxes(R, 1, 2) @ K_inv)[view] @ homogeneous[..., None]
    direction = direction[..., 0] / np.linalg.norm(direction[..., 0], axis=-1, keepdims=True)
    return Rays(centers[view], direction)


def relative_loss(offset: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """Robust loss of offsets from rays (metres): 0 on the ray, towards 1 far from it."""
    return geman_mcclure(np.einsum("ni,ni->n", offset, offset) / RAY_KERNEL**2, 1.0)[0]


def ray_loss(
    body: BodyModel, pixels: Correspondences, cameras: tuple[Camera, ...], params: BodyParams
) -> Float[np.ndarray, " N"]:
    """Per pixel: 0 where its ray meets its point of the posed body, towards 1 where it misses by far."""
    bary = torch.from_numpy(pixels.bary)[None].to(params.betas)
    points = body.surface_points(params, torch.from_numpy(pixels.face)[None].to(bary.device), bary)
    return relative_loss(
        pixel_rays(cameras, pixels.view, pixels.pixel).offsets(points[0].double().cpu().numpy())
    )


def mean_ray_loss(
    body: BodyModel, pixels: Correspondences, cameras: tuple[Camera, ...], params: BodyParams
) -> float:
    """Mean of `ray_loss` in [0, 1], in which every view has the same weight."""
    weights = per_view_weights(pixels.view, pixels.weight)
    return float(np.average(ray_loss(body, pixels, cameras, params), weights=weights))
