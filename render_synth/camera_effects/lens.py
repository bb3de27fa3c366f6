"""Lens and exposure time on linear images: vignetting, chromatic aberration, motion blur, depth of field."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

Number = float | int


def vignette(
    image: Float[np.ndarray, "H W 3"], centre: Float[np.ndarray, "2"], half: Number, fall: Number
) -> Float[np.ndarray, "H W 3"]:
    """Light falls off by the fraction `fall` at `half` pixels from `centre` (x, y), with the square of the distance."""
    h, w = image.shape[:2]
    x, y = np.arange(w) + 0.5 - centre[0], np.arange(h) + 0.5 - centre[1]
    r2 = np.minimum((x[None] ** 2 + y[:, None] ** 2) / float(half) ** 2, 2.0)
    return (image * (1 - fall * r2)[..., None].clip(0.05)).astype(np.float32)


def chromatic_aberration(
    image: Float[np.ndarray, "H W 3"], centre: Float[np.ndarray, "2"], amount: Number
) -> Float[np.ndarray, "H W 3"]:
    """Red is magnified by 1 + amount about `centre` (x, y), blue by 1 - amount; green stays."""
    import cv2

    out = np.ascontiguousarray(image, np.float32).copy()
    if abs(amount) * max(image.shape) * 2 < 0.02:  # nothing anybody could see
        return out
    for channel, scale in ((0, 1 + amount), (2, 1 - amount)):
        # warpAffine counts from the middle of the first pixel.
        shift = (np.asarray(centre) - 0.5) * (1 - scale)
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        out[..., channel] = cv2.warpAffine(
            out[..., channel], matrix, (image.shape[1], image.shape[0]), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    return out


def motion_kernel(step: Float[np.ndarray, "2"]) -> Float[np.ndarray, "S S"]:
    """Blur kernel of a point that moves by `step` (x, y pixels) at constant speed; centred, sum 1."""
    reach = int(np.ceil(np.abs(step).max() / 2)) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    count = max(int(4 * np.linalg.norm(step)), 1)
    for t in (np.arange(count) + 0.5) / count - 0.5:
        x, y = reach + t * step[0], reach + t * step[1]
        i, j = int(np.floor(y)), int(np.floor(x))
        for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
            kernel[i + a, j + b] += (1 - abs(y - i - a)) * (1 - abs(x - j - b)) / count
    return kernel


def shake(image: Float[np.ndarray, "H W 3"], step: Float[np.ndarray, "2"]) -> Float[np.ndarray, "H W 3"]:
    """Blur of a camera that rotates during the exposure: all pixels move by `step` (x, y pixels)."""
    import cv2

    if np.linalg.norm(step) < 0.3:
        return image
    return cv2.filter2D(image, -1, motion_kernel(np.asarray(step, float)), borderType=cv2.BORDER_REPLICATE)


def subject_motion(
    image: Float[np.ndarray, "H W 3"], subject: Bool[np.ndarray, "H W"], step: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "H W 3"]:
    """The subject moves as one by `step` (x, y pixels); the sharp image is the middle of the exposure.

    Its outline becomes transparent; the background behind it is taken from around it.
    """
    import cv2

    if np.linalg.norm(step) < 0.3 or not subject.any():
        return image
    kernel = motion_kernel(np.asarray(step, float))
    mask = subject.astype(np.float32)[..., None]
    blur = lambda x: cv2.filter2D(x, -1, kernel, borderType=cv2.BORDER_REPLICATE)  # noqa: E731
    cover = blur(mask[..., 0])[..., None]
    moved = blur(image * mask)
    behind = cv2.blur(image * (1 - mask), kernel.shape) / np.maximum(
        cv2.blur(1 - mask[..., 0], kernel.shape)[..., None], 1e-3
    )
    still = np.where(mask > 0, behind, image)
    return (moved + (1 - cover) * still).astype(np.float32)


def depth_of_field(
    image: Float[np.ndarray, "H W 3"], depth: Float[np.ndarray, "H W"], focus: Number, strength: Number
) -> Float[np.ndarray, "H W 3"]:
    """Blur by the distance from the plane of focus: a thin lens in image space.

    The circle of confusion has a diameter of `strength` * |1 - focus / depth| pixels (depth 0: infinitely far).
    What is sharp does not leak into what is blurred behind it; blurred things in front get no soft outline.
    """
    import cv2

    away = np.where(depth > 0, 1 - focus / np.maximum(depth, 1e-3), 1.0)
    circle = np.minimum(np.abs(strength * away), 16.0).astype(np.float32)
    if circle.max() < 0.7:
        return image
    out, sharp = image.copy(), (circle < 1.0).astype(np.float32)
    for low, high in ((0.7, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.1)):
        here = (circle >= low) & (circle < high)
        if not here.any():
            continue
        sigma = 0.25 * np.sqrt(low * high)
        size = (0, 0)
        weight = np.where(sharp > 0, 1e-4, 1.0).astype(np.float32)
        total = cv2.GaussianBlur(image * weight[..., None], size, sigma)
        total /= cv2.GaussianBlur(weight, size, sigma)[..., None]
        out[here] = total[here]
    return out
