"""Procedural pictures for floors, walls and the sky, as linear RGB arrays."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth import noise
from render_synth.colors import thing


def floor(rng: np.random.Generator, size: int = 192) -> Float[np.ndarray, "S S 3"]:
    """Tiles, boards, carpet, concrete, lawn or marked sports floor; covers about 3 m."""
    kind = rng.choice(["plain", "tiles", "boards", "speckle", "lines"])
    one, two = thing(rng), thing(rng)
    y, x = np.mgrid[0:size, 0:size] / size
    base = np.ones((size, size, 1), np.float32) * one
    n = int(rng.integers(2, 9))
    if kind == "tiles":
        joint = ((x * n) % 1 < 0.03) | ((y * n) % 1 < 0.03)
        check = ((np.floor(x * n) + np.floor(y * n)) % 2)[..., None] * rng.choice([0, 1])
        base = base + check * (two - one)
        base[joint] *= rng.uniform(0.3, 0.9)
    elif kind == "boards":
        tone = rng.uniform(0.7, 1.2, n * 2)[np.floor(x * n * 2).astype(int) % (n * 2)]
        base = base * tone[..., None] * np.where((x * n * 2) % 1 < 0.05, 0.5, 1)[..., None]
    elif kind == "speckle":
        base = base + (rng.random((size, size, 1)) < 0.2) * rng.uniform(0, 0.6) * (two - one)
    elif kind == "lines":
        for _ in range(int(rng.integers(1, 6))):
            at, w = rng.random(), rng.uniform(0.01, 0.06)
            base[np.abs((x if rng.random() < 0.5 else y) - at) < w] = thing(rng)
    dirt = 1 + rng.uniform(0.05, 0.5) * (noise.images(rng, size, 3) - 0.5)
    return np.clip(base * dirt[..., None], 0.01, 0.92).astype(np.float32)


def wall(rng: np.random.Generator, size: int = 256) -> Float[np.ndarray, "S S 3"]:
    """Paint, bricks or panels, with posters, doors, windows and cables."""
    base = np.ones((size, size, 1), np.float32) * thing(rng)
    y, x = np.mgrid[0:size, 0:size] / size
    kind = rng.choice(
        ["paint", "bricks", "panels", "two_tone", "curtain", "busy"], p=[0.35, 0.12, 0.15, 0.12, 0.1, 0.16]
    )
    if kind == "bricks":
        row = np.floor(y * 30)
        joint = ((y * 30) % 1 < 0.12) | ((x * 15 + 0.5 * (row % 2)) % 1 < 0.06)
        base = np.where(joint[..., None], thing(rng), base)
    elif kind == "panels":
        base = base * np.where((x * rng.integers(3, 12)) % 1 < 0.03, 0.5, 1)[..., None]
    elif kind == "two_tone":
        base = np.where((y > rng.uniform(0.3, 0.8))[..., None], thing(rng), base)
    elif kind == "curtain":
        base = (
            base
            * (
                0.75
                + 0.25 * np.sin(2 * np.pi * (x * rng.integers(10, 40) + 0.3 * noise.images(rng, size, 4)))
            )[..., None]
        )
    count = int(rng.integers(8, 40) if kind == "busy" else rng.integers(0, 8))
    for _ in range(count):
        h, w = (rng.uniform(0.02, 0.35, 2) * size).astype(int) + 1
        i, j = int(rng.uniform(0, size - h)), int(rng.uniform(0, size - w))
        base[i : i + h, j : j + w] = thing(rng)
        if rng.random() < 0.5:  # a picture in a frame, a page of text
            inner = rng.random((max(h // 6, 1), max(w // 6, 1), 3)).astype(np.float32) * thing(rng)
            up = np.repeat(np.repeat(inner, 6, 0), 6, 1)[: max(h - 4, 0), : max(w - 4, 0)]
            base[i + 2 : i + 2 + up.shape[0], j + 2 : j + 2 + up.shape[1]] = up
    dirt = 1 + rng.uniform(0.02, 0.35) * (noise.images(rng, size, 3) - 0.5)
    return np.clip(base * dirt[..., None], 0.01, 0.92).astype(np.float32)


def sky(rng: np.random.Generator, height: int = 64) -> Float[np.ndarray, "H W 3"]:
    """An equirectangular light: gradient sky with sun, or a room with bright windows and lamps."""
    width = 2 * height
    lat = np.linspace(1, -1, height)[:, None, None] * np.ones((1, width, 1))
    top, horizon, ground = (thing(rng) * 0.7 + 0.3 for _ in range(3))
    up = np.clip(lat, 0, 1) ** 0.6
    image = np.where(lat > 0, horizon + up * (top - horizon), ground * 0.5)
    image = image * rng.uniform(0.3, 1.2)
    for _ in range(int(rng.integers(1, 7))):  # windows, lamps, sun
        h, w = int(rng.integers(1, height // 4)), int(rng.integers(2, width // 6))
        i, j = int(rng.integers(0, height // 2)), int(rng.integers(0, width - w))
        image[i : i + h, j : j + w] = rng.uniform(2, 30) * (0.8 + 0.2 * rng.random(3)) / np.sqrt(h * w / 20)
    return image.astype(np.float32)
