"""Edge-stopping denoiser for images of few light paths."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

LEVELS = 3
DARKEST = 0.05  # added to albedos before radiance is divided by them: the black ones hold little but noise
HALF_OF_NEIGHBOURS = (
    (0, 1, 0.7),
    (1, 0, 0.7),
    (1, 1, 0.5),
    (1, -1, 0.5),
)  # dy, dx, weight; the rest by symmetry


def denoise(
    rgb: Float[np.ndarray, "H W 3"],
    albedo: Float[np.ndarray, "H W 3"],
    normal: Float[np.ndarray, "H W 3"],
    depth: Float[np.ndarray, "H W"],
) -> Float[np.ndarray, "H W 3"]:
    """Edge-stopping à-trous filter, after Dammertz et al. 2010, of irradiance: albedo is divided out.

    Neighbours count less where normal, depth (0 = sky) or albedo differ; what the guides do not show (soft shadows)
    is blurred by a few pixels. Bright single paths are clipped.
    """
    ceiling = 3 * np.quantile(rgb, 0.98) + 1e-3
    texture = np.where(depth[..., None] > 0, albedo + DARKEST, 1.0).astype(np.float32)
    light = np.minimum(rgb, ceiling).astype(np.float32) / texture
    scaled = np.where(depth > 0, np.log(np.maximum(depth, 1e-3)) * 20, 99.0)
    guide = np.concatenate([normal * 3.0, albedo * 6.0, scaled[..., None]], -1).astype(np.float32)
    for level in range(LEVELS):
        step = 2**level
        total, weight = light.copy(), np.ones((*light.shape[:2], 1), np.float32)
        for dy, dx, near in HALF_OF_NEIGHBOURS:
            a, b = _overlap(light.shape, dy * step, dx * step)
            d = guide[a] - guide[b]
            w = near * np.exp(-np.einsum("hwc,hwc->hw", d, d))[..., None]
            total[a] += w * light[b]
            total[b] += w * light[a]
            weight[a] += w
            weight[b] += w
        light = total / weight
    return light * texture


def _overlap(shape: tuple[int, ...], dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of an image and of itself moved by (dy, dx), where both exist."""
    h, w = shape[:2]
    a = slice(max(0, -dy), min(h, h - dy)), slice(max(0, -dx), min(w, w - dx))
    b = slice(max(0, dy), min(h, h + dy)), slice(max(0, dx), min(w, w + dx))
    return a, b
