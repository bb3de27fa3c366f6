"""Cameras of a layout, and crops of their frames. World: y up, floor at y = 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.geometry.directions import look_at_rotation
from render_synth.layouts import SHAPES, Mount, RigPlan, sample_rig_plan

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Layout:
    kind: str
    cameras: tuple[Camera, ...]


def look_at(
    name: str, position, target, roll: float, K: Float[np.ndarray, "3 3"], width: int, height: int
) -> Camera:
    """A pinhole camera that looks at a point.

    Args:
        name: Its name.
        position: Camera centre, metres.
        target: Point on the optical axis, metres.
        roll: Rotation about the axis, radians.
        K: (3, 3) intrinsics, pixels.
        width: Pixels.
        height: Pixels.
    """
    c, s = np.cos(roll), np.sin(roll)
    R = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]) @ look_at_rotation(position, target)
    return Camera(name, width, height, K, R, -R @ np.asarray(position, dtype=np.float64))


def sample_layout(
    rng: np.random.Generator,
    count: int,
    low: Float[np.ndarray, "3"],
    high: Float[np.ndarray, "3"],
    radius: float,
    kind: str = "",
) -> Layout:
    """Random cameras around a subject.

    Args:
        rng: Source of the random numbers.
        count: Number of cameras.
        low: (3,) lower corner of the subject's box, metres.
        high: (3,) upper corner.
        radius: Maximum distance of a camera from the axis of the subject, metres.
        kind: One of `layouts.LAYOUTS`; empty: random.
    """
    kind, plan = sample_rig_plan(rng, count, kind)
    shape = SHAPES[int(rng.choice(len(SHAPES), p=plan.shapes))]
    aim = (low + high) / 2 + rng.normal(0, plan.aim, 3) * np.array([1, 0.8, 1])
    aim[1] += plan.lift * (high - low)[1] / 2
    return Layout(
        kind,
        tuple(
            fit_lens(rng, f"cam{i}", m, plan, shape, low, high, aim, radius)
            for i, m in enumerate(plan.mounts)
        ),
    )


def fit_lens(
    rng: np.random.Generator,
    name: str,
    mount: Mount,
    plan: RigPlan,
    shape: tuple[int, int],
    low: Float[np.ndarray, "3"],
    high: Float[np.ndarray, "3"],
    aim: Float[np.ndarray, "3"],
    radius: float,
) -> Camera:
    """The camera on a mount; its lens is changed where the subject would fill too much or too little of the image."""
    fill = plan.fill
    middle, tall = (low + high) / 2, float(np.linalg.norm(high - low))
    beside = 0.5 * float(np.hypot(*(high - low)[[0, 2]])) + plan.clear
    under = mount.height > float(high[1]) + 0.5
    distance = float(np.clip(mount.distance, 0.4 if under else beside, max(radius, beside)))
    way = np.array([np.sin(mount.azimuth), 0, np.cos(mount.azimuth)])
    position = np.array([middle[0], max(mount.height, 0.08), middle[2]]) + distance * way
    # What the long side must hold: all of the subject when upright, in landscape its height fits the short side.
    long_px, short_px = shape
    seen = 2 * np.arctan(tall / 2 / float(np.linalg.norm(position - middle)))
    fov = np.radians(mount.fov)
    share = np.tan(seen / 2) / np.tan(fov / 2) * (1.0 if mount.portrait else long_px / short_px)
    if not fill[0] < share < fill[1]:
        wanted = rng.uniform(max(fill[0], 0.7 * min(share, fill[1])), min(fill[1], 1.4 * max(share, fill[0])))
        fov = 2 * np.arctan(np.tan(fov / 2) * share / wanted)
    fov = np.clip(fov, *np.radians(plan.lens))
    w, h = (short_px, long_px) if mount.portrait else (long_px, short_px)
    f = long_px / 2 / np.tan(fov / 2)
    K = np.array(
        [[f, 0, w / 2 + rng.normal(0, 0.006 * w)], [0, f, h / 2 + rng.normal(0, 0.006 * h)], [0, 0, 1.0]]
    )
    target = aim + rng.normal(0, mount.wander, 3) * np.array([1, 0.8, 1])
    return look_at(name, position, target, float(np.radians(mount.roll)), K, w, h)


def visible_box(camera: Camera, points: Float[np.ndarray, "N 3"]) -> Box | None:
    """Pixel bounds of the points inside the frame; None where (nearly) none are."""
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
    """(H, W) bool: pixels of the crop that are inside its source frame (the rest is black)."""
    xs = crop[0] + (np.arange(size[0]) + 0.5) * (crop[2] - crop[0]) / size[0]
    ys = crop[1] + (np.arange(size[1]) + 0.5) * (crop[3] - crop[1]) / size[1]
    return ((ys >= 0) & (ys < frame[1]))[:, None] & ((xs >= 0) & (xs < frame[0]))[None]
