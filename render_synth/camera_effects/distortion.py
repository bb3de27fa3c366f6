"""Lens distortion by warping a wider pinhole image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from render_synth.cameras import Layout

WIDEST = 3.0  # tangent of the half angle that a pinhole image may have to cover


def with_lens(camera: Camera, coefficients: Float[np.ndarray, " D"]) -> Camera:
    """The camera with OpenCV's distortion; unchanged where the lens cannot reach all of the frame."""
    bent = replace(camera, distortion=np.asarray(coefficients, np.float64))
    xy = bent.normalized(border(camera.width, camera.height))
    back = bent.project(_world(bent, xy)) if np.isfinite(xy).all() else xy
    fine = np.isfinite(back).all() and np.abs(xy).max() < WIDEST
    return bent if fine and np.abs(back - border(camera.width, camera.height)).max() < 0.01 else camera


def _world(camera: Camera, xy: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 3"]:
    return (np.concatenate([xy, np.ones((len(xy), 1))], 1) - camera.t_cam_world) @ camera.R_cam_world


def border(width: int, height: int) -> Float[np.ndarray, "N 2"]:
    """Pixels along the edge of an image."""
    x, y = np.linspace(0, width, 33), np.linspace(0, height, 33)
    sides = [np.stack([x, 0 * x], 1), np.stack([x, 0 * x + height], 1)]
    sides += [np.stack([0 * y, y], 1), np.stack([0 * y + width, y], 1)]
    return np.concatenate(sides)


def distort_layout(rng: np.random.Generator, layout: Layout, fraction: float) -> Layout:
    """With probability `fraction` all cameras of a rig get barrel or pincushion distortion, slightly off centre."""
    if rng.random() >= fraction:
        return layout
    k1 = rng.uniform(-0.25, 0.05)
    k2 = rng.uniform(-0.2, 0.5) * abs(k1)
    return replace(
        layout,
        cameras=tuple(
            with_lens(c, np.array([k1 + rng.normal(0, 0.005), k2, *rng.normal(0, 0.0007, 2)]))
            for c in layout.cameras
        ),
    )


def render_distorted(
    render: Callable[[Camera], Float[np.ndarray, "h w 3"]], camera: Camera
) -> Float[np.ndarray, "H W 3"]:
    """The image of a distorted camera; `render` renders pinhole cameras. Black where the distortion has no inverse."""
    if camera.is_pinhole:
        return render(camera)
    import cv2

    w, h = camera.width, camera.height
    x, y = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    xy = camera.normalized(np.stack([x, y], -1).reshape(-1, 2)).astype(np.float64)
    seen = np.isfinite(xy).all(1) & (np.abs(xy).max(1) < WIDEST)
    if not seen.any():
        return np.zeros((h, w, 3), np.float32)
    f = float(camera.K[0, 0])
    low, high = (xy[seen].min(0) * f - 1.5), (xy[seen].max(0) * f + 1.5)
    size = np.clip(np.ceil(high - low), 8, 4 * max(w, h)).astype(int)
    K = np.array([[f, 0, -low[0]], [0, f, -low[1]], [0, 0, 1]])
    pinhole = replace(
        camera,
        K=K,
        width=int(size[0]),
        height=int(size[1]),
        distortion=np.zeros(0),
        lens="opencv",
        pixel_grid=None,
    )
    light = np.ascontiguousarray(render(pinhole), np.float32)
    at = np.where(seen[:, None], xy * f - low - 0.5, -9.0).astype(np.float32).reshape(h, w, 2)
    return cv2.remap(light, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
