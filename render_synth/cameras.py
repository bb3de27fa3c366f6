"""Camera layouts around a subject, and the crops and whole frames taken from them. World: y up, floor at y = 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Layout:
    kind: str
    cameras: tuple[Camera, ...]


def look_at(
    name: str, position, target, roll: float, K: Float[np.ndarray, "3 3"], width: int, height: int
) -> Camera:
    """A pinhole camera at `position` looking at `target`, turned by `roll` (radians) about its axis."""
    forward = np.asarray(target, dtype=np.float64) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    R = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]) @ np.stack([right, down, forward])
    return Camera(name, width, height, K, R, -R @ np.asarray(position, dtype=np.float64))


def sample_layout(
    rng: np.random.Generator,
    count: int,
    low: Float[np.ndarray, "3"],
    high: Float[np.ndarray, "3"],
    radius: float,
) -> Layout:
    """`count` cameras that see the box `low`..`high` (the subject); none farther than `radius` from its middle."""
    kind = str(rng.choice(["ring", "tripods", "corners", "low", "anyhow"], p=[0.28, 0.36, 0.16, 0.06, 0.14]))
    start, base_height = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 2.4)
    base_distance, long_fov = rng.uniform(2.2, 5.0), np.radians(rng.uniform(38, 85))
    portrait, shape = (
        rng.random() < 0.5,
        rng.choice([(1920, 1080), (1440, 1080), (1080, 1080)], p=[0.65, 0.25, 0.1]),
    )
    roll_spread = np.radians(rng.choice([0.3, 2.0, 6.0], p=[0.4, 0.4, 0.2]))
    middle = (low + high) / 2
    tall = float(np.linalg.norm(high - low))
    cameras = []
    for i in range(count):
        azimuth = start + 2 * np.pi * i / count + rng.normal(0, 0.25 if kind in ("ring", "corners") else 0.7)
        height, distance = base_height + rng.normal(0, 0.1), base_distance * rng.uniform(0.9, 1.1)
        fov = long_fov
        if kind == "tripods":
            height, distance = rng.uniform(1.0, 2.2), rng.uniform(2.2, 4.5)
        elif kind == "corners":
            height, distance = rng.uniform(2.0, 3.2), rng.uniform(3.5, 7.0)
        elif kind == "low":
            height = rng.uniform(0.4, 1.0)
        elif kind == "anyhow":
            height, distance, fov = (
                rng.uniform(0.5, 3.0),
                rng.uniform(2.0, 7.0),
                np.radians(rng.uniform(30, 88)),
            )
        distance = float(np.clip(distance, 1.7, max(radius, 1.8)))
        position = np.array(
            [middle[0] + distance * np.sin(azimuth), height, middle[2] + distance * np.cos(azimuth)]
        )
        # The subject should fill 0.25 to 1.05 of the long side: else change the lens.
        fill = 2 * np.arctan(tall / 2 / distance) / fov
        if not 0.25 < fill < 1.05:
            fov = min(2 * np.arctan(tall / 2 / distance) / rng.uniform(0.4, 0.9), np.radians(95))
        long_px, short_px = int(shape[0]), int(shape[1])
        w, h = (short_px, long_px) if portrait else (long_px, short_px)
        f = long_px / 2 / np.tan(fov / 2)
        if not portrait and rng.random() < 0.7:  # a standing person must fit the short side
            f *= rng.uniform(0.6, 0.9)
        K = np.array(
            [[f, 0, w / 2 + rng.normal(0, 0.004 * w)], [0, f, h / 2 + rng.normal(0, 0.004 * h)], [0, 0, 1.0]]
        )
        wander = 0.5 if rng.random() < 0.12 else 0.13  # now and then the subject is cut by the frame
        target = middle + rng.normal(0, wander, 3) * np.array([1, 0.8, 1])
        cameras.append(look_at(f"cam{i}", position, target, float(rng.normal(0, roll_spread)), K, w, h))
    return Layout(kind, tuple(cameras))


def visible_box(camera: Camera, points: Float[np.ndarray, "N 3"]) -> Box | None:
    """Pixel bounds of the points that fall inside the frame; None where (nearly) none do."""
    uv = camera.project(points)
    inside = np.isfinite(uv).all(1) & (uv >= 0).all(1) & (uv < [camera.width, camera.height]).all(1)
    if inside.mean() < 0.15:
        return None
    lo, hi = uv[inside].min(0), uv[inside].max(0)
    return float(lo[0]), float(lo[1]), float(hi[0]), float(hi[1])


def sample_crop(rng: np.random.Generator, box: Box) -> Box:
    """A square around `box` with a random margin and offset; one in seven shows only a part of the body."""
    x0, y0, x1, y1 = box
    side = max(x1 - x0, y1 - y0)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    if rng.random() < 0.14:
        side *= rng.uniform(0.4, 0.8)
        cy = y0 + (y1 - y0) * rng.choice([0.25, 0.5, 0.75]) + rng.normal(0, 0.05) * side
    else:
        side *= 1.04 + min(abs(rng.normal(0, 0.22)), 0.9)
    cx, cy = cx + rng.normal(0, 0.045) * side, cy + rng.normal(0, 0.045) * side
    return cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2


def inside_frame(crop: Box, size: tuple[int, int], frame: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: which pixels of the crop lie in the frame it was cut from (the rest is black)."""
    xs = crop[0] + (np.arange(size[0]) + 0.5) * (crop[2] - crop[0]) / size[0]
    ys = crop[1] + (np.arange(size[1]) + 0.5) * (crop[3] - crop[1]) / size[1]
    return ((ys >= 0) & (ys < frame[1]))[:, None] & ((xs >= 0) & (xs < frame[0]))[None]
