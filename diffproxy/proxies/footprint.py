"""Pixels whose rays can hit a mesh; only these are cast."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from diffproxy.cameras import Camera


def footprint(
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    camera: Camera,
    window: tuple[int, int, int, int],
) -> Bool[np.ndarray, "h w"]:
    """Pixels inside the bounding box of some projected face.

    Args:
        vertices: (Nv, 3) metres, world.
        faces: (Nf, 3) triangles.
        camera: The camera.
        window: (x0, y0, x1, y1) whole pixels.

    Returns:
        (h, w) bool over `window`; all True where boxes are unknown: with lens distortion, or a vertex behind the
            camera.
    """
    x0, y0, x1, y1 = window
    height, width = y1 - y0, x1 - x0
    pixels = camera.project(vertices)
    if not camera.is_pinhole or not np.isfinite(pixels).all():
        return np.ones((height, width), dtype=bool)
    a, b, c = (pixels[faces[:, k]] - [x0, y0] for k in range(3))
    # half a pixel of slack, as for the window itself
    low = np.floor(np.minimum(np.minimum(a, b), c) - 0.5)
    high = np.ceil(np.maximum(np.maximum(a, b), c) + 0.5)
    left, top = np.clip(low, 0, [width, height]).astype(np.intp).T
    right, bottom = np.clip(high, 0, [width, height]).astype(np.intp).T
    # every box adds one to its pixels: steps at its four corners, then summed along columns and rows
    row = width + 1
    plus = np.concatenate([top * row + left, bottom * row + right])
    minus = np.concatenate([top * row + right, bottom * row + left])
    size = (height + 1) * row
    steps = np.bincount(plus, minlength=size) - np.bincount(minus, minlength=size)
    count = steps.astype(np.int32).reshape(height + 1, row).cumsum(axis=0, dtype=np.int32)
    return count.cumsum(axis=1, dtype=np.int32)[:-1, :-1] > 0
