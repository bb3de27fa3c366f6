"""Pictures at the sizes of networks, by OpenCV alone: whole ones, and crops."""

from __future__ import annotations

import numpy as np

from diffproxy.geometry.boxes import BoxLike

MULTIPLE = 32
"""Both sides of the input of a network that halves it five times."""


def letterbox(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """Scale the longer side to `side` and pad right and bottom with black to multiples of 32.

    Args:
        image: (H, W, 3) uint8.
        side: Pixels.

    Returns:
        The image and its scale.
    """
    import cv2

    scale = side / max(image.shape[:2])
    h, w = (max(1, round(n * scale)) for n in image.shape[:2])
    rows, columns = (-(-n // MULTIPLE) * MULTIPLE for n in (h, w))
    out = np.zeros((rows, columns, 3), np.uint8)
    out[:h, :w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return out, scale


def crop_image(image: np.ndarray, box: BoxLike, size: int) -> np.ndarray:
    """Resample the region `box` to `size` x `size`; outside of the image is black.

    Pixel centres lie at integer + 0.5 on both sides, so that a point at x in the image is at
    (x - x0) * size / (x1 - x0) in the crop: exactly `Camera.crop`. Reductions average over merged pixels.
    """
    import cv2

    x0, y0, x1, y1 = (float(v) for v in box)
    # Never step over source pixels: sample on a grid finer by a whole factor, then average blocks of it.
    factor = max(1, int(np.ceil(max(x1 - x0, y1 - y0) / size - 1e-6)))
    grid = size * factor
    sx, sy = grid / (x1 - x0), grid / (y1 - y0)
    # OpenCV counts from the centre of the first pixel, we count from its corner: half a pixel on either side.
    matrix = np.array([[sx, 0, sx * (0.5 - x0) - 0.5], [0, sy, sy * (0.5 - y0) - 0.5]])
    out = cv2.warpAffine(image, matrix, (grid, grid), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return out if factor == 1 else cv2.resize(out, (size, size), interpolation=cv2.INTER_AREA)
