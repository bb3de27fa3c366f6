"""Random colours of clothes, skin, hair and objects, linear RGB."""

from __future__ import annotations

import colorsys

import numpy as np
from jaxtyping import Float

SKIN_SRGB = (
    np.array(
        [
            [255, 224, 200],
            [241, 194, 165],
            [224, 172, 130],
            [198, 134, 92],
            [141, 85, 52],
            [92, 56, 38],
            [60, 38, 28],
        ]
    )
    / 255
)
HAIR_SRGB = (
    np.array(
        [
            [20, 16, 14],
            [45, 30, 22],
            [80, 52, 34],
            [130, 90, 55],
            [190, 150, 95],
            [150, 70, 40],
            [170, 170, 170],
            [225, 220, 210],
        ]
    )
    / 255
)


def linear(srgb: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
    """sRGB in [0, 1] to linear."""
    c = np.asarray(srgb, dtype=np.float32)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


def srgb(linear_rgb: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
    """Linear to sRGB, clipped to [0, 1]."""
    c = np.clip(linear_rgb, 0, 1)
    return np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055).astype(np.float32)


def between(
    rng: np.random.Generator, table: Float[np.ndarray, "N 3"], spread: float = 0.02
) -> Float[np.ndarray, "3"]:
    """A random mix of two neighbouring rows (sRGB) of a table, as linear RGB."""
    i = rng.uniform(0, len(table) - 1)
    lo, t = int(i), i - int(i)
    c = table[lo] * (1 - t) + table[min(lo + 1, len(table) - 1)] * t
    return linear(np.clip(c + rng.normal(0, spread, 3), 0.02, 0.97))


def cloth(rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """A plausible cloth colour: neutral; navy, denim or earth; or any."""
    u = rng.random()
    if u < 0.38:
        v = rng.choice([rng.uniform(0.03, 0.16), rng.uniform(0.2, 0.6), rng.uniform(0.75, 0.95)])
        return linear(np.clip(v + rng.normal(0, 0.01, 3), 0.02, 0.97))
    if u < 0.6:
        h, s, v = (
            rng.choice([0.61, 0.58, 0.08, 0.1, 0.28]) + rng.normal(0, 0.02),
            rng.uniform(0.25, 0.7),
            rng.uniform(0.15, 0.6),
        )
    else:
        h, s, v = rng.random(), rng.uniform(0.3, 0.95), rng.uniform(0.25, 0.95)
    return linear(np.array(colorsys.hsv_to_rgb(h % 1, s, v)))


def object_color(rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """Colour of furniture and walls: mostly grey, white, wood."""
    u = rng.random()
    if u < 0.5:
        return linear(np.clip(rng.uniform(0.08, 0.95) + rng.normal(0, 0.015, 3), 0.03, 0.97))
    if u < 0.7:
        return linear(
            np.array(
                colorsys.hsv_to_rgb(rng.uniform(0.05, 0.11), rng.uniform(0.2, 0.6), rng.uniform(0.25, 0.85))
            )
        )
    return linear(np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.9))))
