"""Smooth random fields on points: sums of sines."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def field(
    rng: np.random.Generator, x: Float[np.ndarray, "*N D"], wavelength: float, waves: int = 10
) -> Float[np.ndarray, "*N"]:
    """A smooth zero-mean field of unit variance; features of about `wavelength` (same unit as x)."""
    d = x.shape[-1]
    k = rng.normal(size=(d, waves)) * (2 * np.pi / wavelength / np.sqrt(d))
    phase = rng.uniform(0, 2 * np.pi, waves)
    flat = np.ascontiguousarray(x.reshape(-1, d).T, np.float32)
    wave = k.astype(np.float32).T @ flat + phase.astype(np.float32)[:, None]  # long rows: twice as fast
    return np.sin(wave, out=wave).sum(0).reshape(x.shape[:-1]) * np.sqrt(2.0 / waves)


def fractal(
    rng: np.random.Generator,
    x: Float[np.ndarray, "*N D"],
    wavelength: float,
) -> Float[np.ndarray, "*N"]:
    """Three octaves of `field`, each half the wavelength and half the height; about unit variance."""
    total = np.zeros(x.shape[:-1], np.float32)
    norm = 0.0
    for o in range(3):
        total += 0.5**o * field(rng, x, wavelength / 2**o, 6)
        norm += 0.25**o
    return total / np.sqrt(norm)


def images(rng: np.random.Generator, size: int, cells: int) -> Float[np.ndarray, "size size"]:
    """Tileable value noise in [0, 1] as an image: four octaves of random grids, blown up and added."""
    import cv2

    total, norm = np.zeros((size, size), np.float32), 0.0
    for o in range(4):
        n = min(cells * 2**o, size)
        grid = rng.random((n, n)).astype(np.float32)
        pad = np.pad(grid, 2, mode="wrap")
        up = cv2.resize(pad, None, fx=size / n, fy=size / n, interpolation=cv2.INTER_CUBIC)
        margin = (up.shape[0] - size) // 2
        total += 0.5**o * up[margin : margin + size, margin : margin + size]
        norm += 0.5**o
    return np.clip(total / norm, 0, 1)
