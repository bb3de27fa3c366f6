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
    height, width = image.shape[:2]
    # Never step over source pixels: sample on a grid finer by a whole factor, then average blocks of it. A box in which
    # the whole image is less than a pixel needs no finer grid than the image.
    factor = max(1, int(np.ceil(max(x1 - x0, y1 - y0) / size - 1e-6)))
    factor = min(factor, max(height, width))
    sx, sy = size * factor / (x1 - x0), size * factor / (y1 - y0)
    # Pixels of the crop that the image reaches: a box around somebody close to the camera may be far larger than it.
    left, right = _reached(x0, x1, width, size)
    top, bottom = _reached(y0, y1, height, size)
    out = np.zeros((size, size, *image.shape[2:]), image.dtype)
    if left == right or top == bottom:
        return out
    # OpenCV counts from the centre of the first pixel, we count from its corner: half a pixel on either side.
    shift_x, shift_y = sx * (0.5 - x0) - 0.5 - left * factor, sy * (0.5 - y0) - 0.5 - top * factor
    matrix = np.array([[sx, 0, shift_x], [0, sy, shift_y]])
    across, down = right - left, bottom - top
    fine = cv2.warpAffine(
        image,
        matrix,
        (across * factor, down * factor),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )
    part = fine if factor == 1 else cv2.resize(fine, (across, down), interpolation=cv2.INTER_AREA)
    out[top:bottom, left:right] = part
    return out


def _reached(start: float, end: float, extent: int, size: int) -> tuple[int, int]:
    """First and last pixel + 1, of `size` between `start` and `end`, that see 0 to `extent` or blend with its edge."""
    scale = size / (end - start)
    first, last = np.floor((-0.5 - start) * scale) - 1, np.ceil((extent + 0.5 - start) * scale) + 1
    return int(np.clip(first, 0, size)), int(np.clip(last, 0, size))
