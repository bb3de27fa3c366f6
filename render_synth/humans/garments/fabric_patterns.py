"""Cloth patterns as functions of the rest position: stripes, checks, dots, camouflage, logos, dirt."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth import noise
from render_synth.colors import cloth

PATTERNS = ("plain", "stripes", "checks", "dots", "camouflage", "blocks", "side_stripe", "gradient")
CHANCE = (0.5, 0.12, 0.09, 0.04, 0.06, 0.07, 0.07, 0.05)


def paint(
    rng: np.random.Generator, rest: Float[np.ndarray, "N 3"], front: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "N 3"]:
    """Linear RGB of a piece of cloth at rest positions (metres); `front` is the z of the outward normal."""
    kind = rng.choice(PATTERNS, p=CHANCE)
    one, two = cloth(rng), cloth(rng)
    x, y, z = rest.T
    span = float(np.ptp(y)) + 1e-6
    mix = np.zeros(len(rest), np.float32)
    period = rng.uniform(0.02, 0.14)
    if kind == "stripes":
        axis = rng.choice([0, 1, 2], p=[0.3, 0.55, 0.15])
        along = np.stack([x, y, x + y], 1)[:, axis] + rng.normal(0, 0.002) * noise.field(rng, rest, 0.2, 4)
        mix = ((along / period) % 1 < rng.uniform(0.15, 0.6)).astype(np.float32)
    elif kind == "checks":
        mix = 0.5 * (((x / period) % 1 < 0.4).astype(np.float32) + ((y / period) % 1 < 0.4))
    elif kind == "dots":
        cell = np.stack([x, y], 1) / period
        mix = (np.linalg.norm(cell % 1 - 0.5, axis=1) < rng.uniform(0.15, 0.4)).astype(np.float32)
    elif kind == "camouflage":
        mix = (noise.fractal(rng, rest, rng.uniform(0.08, 0.4)) > rng.normal(0, 0.4)).astype(np.float32)
    elif kind == "blocks":
        mix = (y > y.min() + span * rng.uniform(0.2, 0.8)).astype(np.float32)
        if rng.random() < 0.4:
            mix = (x * rng.choice([-1, 1]) > rng.normal(0, 0.05)).astype(np.float32)
    elif kind == "side_stripe":
        mix = (np.abs(z - np.median(z)) < rng.uniform(0.008, 0.025)).astype(np.float32)
    elif kind == "gradient":
        mix = ((y - y.min()) / span).astype(np.float32)
    color = one + mix[:, None] * (two - one)
    if rng.random() < 0.3:
        color = logo(rng, rest, front, color)
    worn = 1 + rng.uniform(0.02, 0.18) * noise.fractal(rng, rest, rng.uniform(0.05, 0.4))
    fine = 1 + rng.uniform(0, 0.06) * noise.field(rng, rest, 0.012, 8)
    return np.clip(color * (worn * fine)[:, None], 0.004, 0.95).astype(np.float32)


def logo(
    rng: np.random.Generator,
    rest: Float[np.ndarray, "N 3"],
    front: Float[np.ndarray, " N"],
    color: Float[np.ndarray, "N 3"],
) -> Float[np.ndarray, "N 3"]:
    """A few patches of print on the front or the back."""
    side = 1 if rng.random() < 0.7 else -1
    pick = rest[rng.integers(len(rest))]
    center = np.array([rng.normal(0, 0.05) if rng.random() < 0.6 else pick[0], pick[1]])
    facing = front * side > 0.2
    for _ in range(int(rng.integers(1, 6))):
        half = rng.uniform(0.008, 0.08, 2)
        offset = center + rng.normal(0, 0.03, 2)
        d = np.abs(rest[:, :2] - offset) / half
        inside = (d.max(1) < 1) if rng.random() < 0.6 else ((d**2).sum(1) < 1)
        color = np.where((facing & inside)[:, None], cloth(rng), color)
    return color
