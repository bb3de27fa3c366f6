"""Photometric augmentation: exposure, colour, noise, blur, compression, occluders."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import UInt8

Image = UInt8[np.ndarray, "H W 3"]


def _exposure(image: Image, rng: np.random.Generator) -> Image:
    gain, gamma = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.2))
    balance = np.exp(rng.normal(0, 0.08, 3))
    table = (np.arange(256) / 255.0) ** gamma
    out = np.stack(
        [
            (table * gain * b * 255).clip(0, 255).astype(np.uint8)[image[..., c]]
            for c, b in enumerate(balance)
        ],
        -1,
    )
    return out


def _contrast(image: Image, rng: np.random.Generator) -> Image:
    factor = np.exp(rng.normal(0, 0.25))
    mean = float(image.mean())
    return (
        cv2.convertScaleAbs(image, alpha=factor, beta=mean * (1 - factor))
        if factor < 1
        else _stretch(image, factor, mean)
    )


def _stretch(image: Image, factor: float, mean: float) -> Image:
    table = ((np.arange(256) - mean) * factor + mean).clip(0, 255).astype(np.uint8)
    return table[image]


def _saturation_hue(image: Image, rng: np.random.Generator) -> Image:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + rng.integers(-10, 11)) % 180
    hsv[..., 1] = (hsv[..., 1] * rng.uniform(0.2, 1.5)).clip(0, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)


def _gray(image: Image, rng: np.random.Generator) -> Image:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _blur(image: Image, rng: np.random.Generator) -> Image:
    if rng.random() < 0.5:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.8))
    length, angle = int(rng.integers(3, 9)), rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    t = np.linspace(-(length - 1) / 2, (length - 1) / 2, 3 * length)
    kernel[
        (t * np.sin(angle) + length / 2 - 0.5).round().astype(int),
        (t * np.cos(angle) + length / 2 - 0.5).round().astype(int),
    ] = 1
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def _low_resolution(image: Image, rng: np.random.Generator) -> Image:
    size = image.shape[1::-1]
    small = cv2.resize(image, None, fx=(f := rng.uniform(0.35, 0.9)), fy=f, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)


def _noise(image: Image, rng: np.random.Generator) -> Image:
    sigma = rng.uniform(1, 12)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * sigma
    return (image + noise).clip(0, 255).astype(np.uint8)


def _jpeg(image: Image, rng: np.random.Generator) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def _haze(image: Image, rng: np.random.Generator) -> Image:
    """Stray light: a bright veil, stronger towards one side, as from a window or a dirty lens."""
    h, w = image.shape[:2]
    veil, angle = rng.uniform(120, 255), rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(np.linspace(-1, 1, w, dtype=np.float32), np.linspace(-1, 1, h, dtype=np.float32))
    share = rng.uniform(0.15, 0.6) * (1 + 0.5 * (np.cos(angle) * x + np.sin(angle) * y))
    share = share.clip(0, 0.8)[..., None]
    return (image * (1 - share) + veil * share).astype(np.uint8)


def _dim(image: Image, rng: np.random.Generator) -> Image:
    """Low light: dark and noisy."""
    dark = image * np.float32(rng.uniform(0.12, 0.5))
    noise = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(1, 6)
    return (dark + noise).clip(0, 255).astype(np.uint8)


def _pixelate(image: Image, rng: np.random.Generator) -> Image:
    """A mosaic over a random patch, as published footage anonymises faces."""
    out = image.copy()
    h, w = image.shape[:2]
    side = int(rng.uniform(0.06, 0.18) * h)
    y, x = int(rng.uniform(0, 0.5) * h), int(rng.uniform(0.15, 0.85) * w - side / 2)
    patch = out[y : y + side, max(x, 0) : x + side]
    cells = int(rng.integers(2, 5))
    small = cv2.resize(patch, (cells, cells), interpolation=cv2.INTER_AREA)
    out[y : y + side, max(x, 0) : x + side] = cv2.resize(
        small, patch.shape[1::-1], interpolation=cv2.INTER_NEAREST
    )
    return out


def _occlude(image: Image, rng: np.random.Generator) -> Image:
    """Bars and blobs over the image only: the network learns to complete the body behind thin objects."""
    out = image.copy()
    h, w = image.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        color = tuple(int(c) for c in rng.integers(0, 256, 3))
        p = rng.uniform(0, 1, 2) * (w, h)
        if rng.random() < 0.5:
            q = p + rng.normal(0, 0.6, 2) * (w, h)
            cv2.line(
                out,
                (int(p[0]), int(p[1])),
                (int(q[0]), int(q[1])),
                color,
                int(rng.integers(1, 6)),
                cv2.LINE_AA,
            )
        else:
            axes = (int(rng.uniform(0.02, 0.08) * w), int(rng.uniform(0.02, 0.08) * h))
            cv2.ellipse(
                out, (int(p[0]), int(p[1])), axes, rng.uniform(0, 180), 0, 360, color, -1, cv2.LINE_AA
            )
    return out


_STEPS: tuple[tuple[float, Callable[[Image, np.random.Generator], Image]], ...] = (
    (0.3, _occlude),
    (0.25, _pixelate),
    (0.9, _exposure),
    (0.08, _haze),
    (0.08, _dim),
    (0.5, _contrast),
    (0.6, _saturation_hue),
    (0.08, _gray),
    (0.3, _blur),
    (0.25, _low_resolution),
    (0.4, _noise),
    (0.4, _jpeg),
)


def photometric(image: Image, rng: np.random.Generator, strength: float = 1.0) -> Image:
    """Apply each effect with its probability times `strength`; 0 changes nothing."""
    for chance, step in _STEPS:
        if rng.random() < chance * strength:
            image = step(image, rng)
    return image
