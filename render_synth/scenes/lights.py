"""Lights: sun, windows, ceiling panels and spots, of random colour and brightness."""

from __future__ import annotations

import colorsys

import numpy as np
from jaxtyping import Float

from render_synth.scenes.mesh_parts import Lamp, Panel, Sun

Rng = np.random.Generator


def lamp_color(rng: Rng) -> Float[np.ndarray, "3"]:
    """Warm to cool white, now and then a colour; brightest channel about 1."""
    if rng.random() < 0.06:
        return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.3, 0.8), 1.0))
    return np.array([1.0, rng.uniform(0.78, 1.0), rng.uniform(0.55, 1.1)])


def spots(rng: Rng, count: int, half: tuple[float, float], high: float, lowest: float) -> list[Lamp | Panel]:
    """Square lamps near the ceiling, none so low that it hangs in a camera's view of the subject."""
    out: list[Lamp | Panel] = []
    for _ in range(count):
        height = min(max(rng.uniform(0.75, 1.0) * high, lowest), max(high - 0.05, lowest))
        position = np.array([rng.uniform(-0.95, 0.95) * half[0], height, rng.uniform(-0.95, 0.95) * half[1]])
        size = rng.uniform(0.06, 0.8)
        rgb = lamp_color(rng) * rng.uniform(1, 10) / size**2 / 4
        out.append(Lamp(position, np.array([0, rng.uniform(0, 1.2), 0]), size, rgb))
    return out


def ceiling_panels(rng: Rng, half: tuple[float, float], high: float) -> list[Lamp | Panel]:
    """Two to six like panels in rows under the ceiling."""
    nx, nz = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    w, d = (1.2, 0.3) if rng.random() < 0.5 else (0.6, 0.6)
    if rng.random() < 0.5:
        w, d = d, w
    each = rng.uniform(8, 30) / (nx * nz) / (w * d)
    rgb = lamp_color(rng) * each
    out: list[Lamp | Panel] = []
    for x in (np.arange(nx) + 0.5) / nx * 2 - 1:
        for z in (np.arange(nz) + 0.5) / nz * 2 - 1:
            c = np.array([x * half[0] * 0.8, high - 0.02, z * half[1] * 0.8])
            corners = np.array([[-w, 0, -d], [w, 0, -d], [w, 0, d], [-w, 0, d]]) / 2
            out.append(Panel((c + corners).astype(np.float32), rgb))
    return out


def draw_sun(rng: Rng, indoors: bool) -> Sun | None:
    """A hard sun outdoors more often than not; indoors rarely (through a missing wall or ceiling)."""
    if rng.random() > (0.12 if indoors else 0.6):
        return None
    elevation = float(np.radians(rng.uniform(15, 75)))
    warm = np.clip(1.2 - elevation, 0, 0.7)  # low suns are warm
    rgb = np.array([1.0, 1 - 0.35 * warm, 1 - 0.8 * warm])
    return Sun(
        float(rng.uniform(0, 2 * np.pi)), elevation, float(np.exp(rng.uniform(np.log(0.3), np.log(4)))), rgb
    )


def with_sun(image: Float[np.ndarray, "H W 3"], sun: Sun) -> Float[np.ndarray, "H W 3"]:
    """An equirectangular light with the sun's disc added, 1.5 degrees wide or as small as its pixels allow."""
    h, w = image.shape[:2]
    area = np.sin((np.arange(h) + 0.5) / h * np.pi)[:, None, None]  # solid angle of a row's pixels
    total = float((image * area).mean(-1).sum())
    side = max(round(h * 1.5 / 180), 1)
    i = int(np.clip((0.5 - sun.elevation / np.pi) * h - side / 2, 0, h - side))
    j = int(np.clip(sun.azimuth / (2 * np.pi) * w, 0, w - side))
    out = image.astype(np.float32).copy()
    spot = float(area[i : i + side].sum()) * side
    out[i : i + side, j : j + side] += (sun.ratio * total / spot * sun.rgb / sun.rgb.mean()).astype(
        np.float32
    )
    return out
