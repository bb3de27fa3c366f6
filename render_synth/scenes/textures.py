"""Procedural textures of floors, walls and the sky, linear RGB."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.utils.errors import InputError
from render_synth import noise
from render_synth.colors import linear, object_color


def calm(rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """A colour of floors and walls: mostly little saturated."""
    color = object_color(rng)
    grey = color.mean()
    return grey + (color - grey) * (1.0 if rng.random() < 0.3 else rng.uniform(0.1, 0.5))


def floor(rng: np.random.Generator, size: int = 256) -> Float[np.ndarray, "S S 3"]:
    """Tiles, boards, carpet, concrete, mats or a marked sports floor; covers about 3 m."""
    kind = rng.choice(["plain", "tiles", "boards", "speckle", "lines", "mats", "stone"])
    one, two = calm(rng), calm(rng)
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
    elif kind == "mats":  # puzzle mats and judo floors
        tone = rng.uniform(0.85, 1.15, (n, n))[
            np.floor(y * n).astype(int) % n, np.floor(x * n).astype(int) % n
        ]
        seam = np.minimum((x * n) % 1, (y * n) % 1) < 0.02
        base = base * tone[..., None] * np.where(seam, 0.6, 1)[..., None]
    elif kind == "stone":
        grain = noise.images(rng, size, 6)[..., None]
        base = base * (0.6 + 0.8 * grain) * (0.9 + 0.2 * rng.random((size, size, 1)))
    elif kind == "lines":
        for _ in range(int(rng.integers(1, 6))):
            at, w = rng.random(), rng.uniform(0.01, 0.06)
            base[np.abs((x if rng.random() < 0.5 else y) - at) < w] = object_color(rng)
    dirt = 1 + rng.uniform(0.05, 0.5) * (noise.images(rng, size, 3) - 0.5)
    return np.clip(base * dirt[..., None], 0.01, 0.92).astype(np.float32)


def wall(rng: np.random.Generator, size: int = 384) -> Float[np.ndarray, "S S 3"]:
    """Paint, bricks or panels, with posters, doors, windows and cables."""
    # Real walls are light more often than not.
    paint = (
        linear(np.clip(rng.uniform(0.7, 0.96) + rng.normal(0, 0.03, 3), 0, 1))
        if rng.random() < 0.5
        else calm(rng)
    )
    base = np.ones((size, size, 1), np.float32) * paint
    y, x = np.mgrid[0:size, 0:size] / size
    kind = rng.choice(
        ["paint", "bricks", "panels", "two_tone", "curtain", "busy"], p=[0.35, 0.12, 0.15, 0.12, 0.1, 0.16]
    )
    if kind == "bricks":
        row = np.floor(y * 30)
        joint = ((y * 30) % 1 < 0.12) | ((x * 15 + 0.5 * (row % 2)) % 1 < 0.06)
        base = np.where(joint[..., None], object_color(rng), base)
    elif kind == "panels":
        base = base * np.where((x * rng.integers(3, 12)) % 1 < 0.03, 0.5, 1)[..., None]
    elif kind == "two_tone":
        base = np.where((y > rng.uniform(0.3, 0.8))[..., None], object_color(rng), base)
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
        base[i : i + h, j : j + w] = object_color(rng)
        if rng.random() < 0.5:  # an image in a frame, a page of text
            inner = rng.random((max(h // 6, 1), max(w // 6, 1), 3)).astype(np.float32) * object_color(rng)
            up = np.repeat(np.repeat(inner, 6, 0), 6, 1)[: max(h - 4, 0), : max(w - 4, 0)]
            base[i + 2 : i + 2 + up.shape[0], j + 2 : j + 2 + up.shape[1]] = up
    dirt = 1 + rng.uniform(0.02, 0.35) * (noise.images(rng, size, 3) - 0.5)
    return np.clip(base * dirt[..., None], 0.01, 0.92).astype(np.float32)


def ceiling(rng: np.random.Generator) -> Float[np.ndarray, "S S 3"]:
    """White tiles in a grid, boards, or plain."""
    size = 256
    color = linear(np.clip(rng.uniform(0.6, 0.97) + rng.normal(0, 0.02, 3), 0, 1))
    y, x = np.mgrid[0:size, 0:size] / size
    n = int(rng.integers(2, 7))
    base = np.ones((size, size, 1), np.float32) * color
    kind = rng.choice(["tiles", "boards", "plain"], p=[0.6, 0.15, 0.25])
    if kind == "tiles":
        seam = np.minimum((x * n) % 1, (y * n) % 1) < 0.03
        base = base * np.where(seam, rng.uniform(0.5, 0.9), 1)[..., None]
        base = base * (1 - 0.1 * (rng.random((size, size, 1)) < 0.15))
    elif kind == "boards":
        base = base * np.where((x * 4 * n) % 1 < 0.06, 0.6, 1)[..., None]
    dirt = 1 + rng.uniform(0.02, 0.2) * (noise.images(rng, size, 3) - 0.5)
    return np.clip(base * dirt[..., None], 0.01, 0.92).astype(np.float32)


def ground(rng: np.random.Generator, size: int = 256) -> Float[np.ndarray, "S S 3"]:
    """Lawn, gravel, sand, asphalt or paving; covers about 3 m."""
    kind = rng.choice(["lawn", "gravel", "asphalt", "paving"], p=[0.35, 0.2, 0.25, 0.2])
    if kind == "paving":
        return floor(rng, size)
    hue = {"lawn": (0.25, 0.42, 0.12), "gravel": (0.5, 0.45, 0.38), "asphalt": (0.3, 0.3, 0.31)}[str(kind)]
    color = linear(np.clip(np.array(hue) * rng.uniform(0.6, 1.5) + rng.normal(0, 0.03, 3), 0.02, 0.95))
    grain = rng.random((size, size, 1)) * 0.5 + noise.images(rng, size, 24)[..., None]
    patches = 1 + rng.uniform(0.1, 0.7) * (noise.images(rng, size, 3)[..., None] - 0.5)
    return np.clip(color * patches * (0.35 + 0.85 * grain), 0.01, 0.9).astype(np.float32)


def facade(rng: np.random.Generator) -> Float[np.ndarray, "S S 3"]:
    """A house with rows of windows, or a hedge; a backdrop some metres high."""
    size = 384
    if rng.random() < 0.3:
        return ground(rng, size)
    image = wall(rng, size)
    rows, columns = int(rng.integers(1, 4)), int(rng.integers(2, 8))
    glass, frame = object_color(rng) * rng.uniform(0.1, 0.5), calm(rng)
    h, w = int(size / rows * rng.uniform(0.35, 0.6)), int(size / columns * rng.uniform(0.3, 0.7))
    for r in range(rows):
        for c in range(columns):
            i, j = int((r + 0.2) * size / rows), int((c + 0.15) * size / columns)
            image[i : i + h, j : j + w] = frame
            image[i + 3 : i + h - 3, j + 3 : j + w - 3] = glass * rng.uniform(0.5, 1.5)
    return np.clip(image, 0.01, 0.92).astype(np.float32)


@lru_cache(maxsize=64)
def photograph(path: str) -> Float[np.ndarray, "H W 3"]:
    """A photograph as a linear texture of at most 512 pixels. InputError if it cannot be read."""
    import cv2

    data = cv2.imread(path, cv2.IMREAD_REDUCED_COLOR_2) if Path(path).stat().st_size < 64 << 20 else None
    if data is None:
        raise InputError("readable images under 64 MB in backgrounds", path, "remove this file")
    scale = 512 / max(data.shape[:2])
    if scale < 1:
        size = (max(round(data.shape[1] * scale), 1), max(round(data.shape[0] * scale), 1))
        data = cv2.resize(data, size, interpolation=cv2.INTER_AREA)
    return np.clip(linear(data[..., ::-1].astype(np.float32) / 255), 0.005, 0.92)


def sky(rng: np.random.Generator) -> Float[np.ndarray, "H W 3"]:
    """An equirectangular light: sky with clouds over hills and houses, or a room with bright windows and lamps."""
    width, height = 192, 96
    lat = np.linspace(1, -1, height)[:, None, None] * np.ones((1, width, 1))
    if rng.random() < 0.5:
        blue = linear(np.array([rng.uniform(0.25, 0.5), rng.uniform(0.45, 0.65), rng.uniform(0.7, 0.95)]))
        haze = linear(np.clip(rng.uniform(0.6, 0.95) + rng.normal(0, 0.04, 3), 0, 1))
        image = haze + np.clip(lat, 0, 1) ** 0.5 * (blue - haze)
        cloud = np.clip(2.5 * (noise.images(rng, width, 5)[:height, :, None] - rng.uniform(0.35, 0.75)), 0, 1)
        image = image + cloud * (rng.uniform(0.5, 1.1) - image)
        skyline = 0.02 + 0.12 * rng.random() * np.repeat(rng.random(width // 4), 4)[None, :width, None]
        land = (
            object_color(rng)
            * rng.uniform(0.2, 0.7)
            * (0.7 + 0.6 * noise.images(rng, width, 24)[:height, :, None])
        )
        image = np.where(lat < skyline, land, image) * rng.uniform(0.5, 1.2)
        return image.astype(np.float32)
    top, horizon, ground = (calm(rng) * 0.7 + 0.3 for _ in range(3))
    up = np.clip(lat, 0, 1) ** 0.6
    image = np.where(lat > 0, horizon + up * (top - horizon), ground * 0.5)
    image = image * rng.uniform(0.3, 1.2)
    for _ in range(int(rng.integers(1, 7))):  # windows, lamps
        h, w = int(rng.integers(1, height // 4)), int(rng.integers(2, width // 6))
        i, j = int(rng.integers(0, height // 2)), int(rng.integers(0, width - w))
        image[i : i + h, j : j + w] = rng.uniform(2, 30) * (0.8 + 0.2 * rng.random(3)) / np.sqrt(h * w / 20)
    return image.astype(np.float32)
