"""Pixels as rays in the world, and the distance of points to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from diffproxy.cameras import Camera


@dataclass(frozen=True)
class Rays:
    """N rays `origin + s * direction` (world, metres; unit directions)."""

    origin: Float[np.ndarray, "N 3"]
    direction: Float[np.ndarray, "N 3"]

    def __getitem__(self, rows: np.ndarray) -> Rays:
        return Rays(self.origin[rows], self.direction[rows])

    def __len__(self) -> int:
        return len(self.origin)

    def away(self, points: Float[np.ndarray, "*K N 3"]) -> Float[np.ndarray, "*K N 3"]:
        """Vector from each ray to its point, perpendicular to the ray. Points behind the origin: to the origin."""
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
