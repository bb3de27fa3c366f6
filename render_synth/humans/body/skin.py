"""Bare skin and face, painted on the body's own vertices."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from render_synth import colors, noise
from render_synth.humans.body.anatomy import Anatomy


def paint_skin(rng: np.random.Generator, a: Anatomy) -> Float[np.ndarray, "N 3"]:
    """Linear RGB per fine vertex: tone, blotches, redder hands and face, tan lines, eyes, brows, lips, body hair."""
    tone = colors.between(rng, colors.SKIN_SRGB)
    color = np.repeat(tone[None], len(a.rest), 0)
    color *= (1 + rng.uniform(0.02, 0.08) * noise.fractal(rng, a.rest, 0.15))[:, None]
    color *= (1 + rng.uniform(0.0, 0.05) * noise.field(rng, a.rest, 0.02))[:, None]
    red = np.clip(a.hand + 0.7 * a.skull + a.foot, 0, 1) * rng.uniform(0, 0.25)
    color *= 1 - red[:, None] * np.array([0.0, 0.35, 0.3], np.float32)
    if rng.random() < 0.35:  # tanned where clothes usually are not
        tanned = (a.arm > rng.uniform(0.1, 0.5)) | (a.leg > rng.uniform(0.3, 0.6)) | (a.head > 0.5)
        color *= np.where(tanned, rng.uniform(0.6, 0.9), 1.0)[:, None].astype(np.float32)
    dark = colors.between(rng, colors.HAIR_SRGB[:4])
    if rng.random() < 0.3:
        chest = (
            (a.torso > 0.3)
            & (a.torso < 0.9)
            & (np.abs(a.rest[:, 0]) < 0.13)
            & (a.rest[:, 2] > a.joints[9, 2])
        )
        hairy = (chest | (a.leg > 0.25) | (a.arm > 0.5)) & (a.foot < 0.5) & (a.hand < 0.5)
        amount = rng.uniform(0, 0.5) * np.clip(0.5 + 0.5 * noise.field(rng, a.rest, 0.03), 0, 1) * hairy
        color += amount[:, None] * (dark - color)
    if rng.random() < 0.8:
        nipples(color, a, tone)
    paint_face(rng, color, a, dark)
    return np.clip(color, 0.004, 0.95).astype(np.float32)


def nipples(color: Float[np.ndarray, "N 3"], a: Anatomy, tone: Float[np.ndarray, "3"]) -> None:
    """Two darker discs on the front of the chest."""
    y = a.joints[9, 1] + 0.25 * (a.joints[12, 1] - a.joints[9, 1])
    for x in (-0.1, 0.1):
        near = np.hypot(a.rest[:, 0] - x, a.rest[:, 1] - y) < 0.014
        color[near & (a.rest[:, 2] > a.joints[9, 2]) & (a.arm < 0)] = tone * np.array([0.6, 0.4, 0.4])


def paint_face(
    rng: np.random.Generator, color: Float[np.ndarray, "N 3"], a: Anatomy, dark: Float[np.ndarray, "3"]
) -> None:
    """Eyes, brows and lips, in place."""
    f = a.face_of
    front = (a.skull > 0.5) & (f[:, 2] > -0.02)
    half = abs(a.joints[23, 0] - a.joints[24, 0]) / 2
    for side in (-1, 1):
        r = np.hypot((f[:, 0] - side * half) / 1.6, f[:, 1])
        color[front & (r < 0.009)] = 0.6
        color[front & (np.hypot(f[:, 0] - side * half, f[:, 1]) < 0.006)] = rng.uniform(0.01, 0.1)
        brow = (np.abs(f[:, 0] - side * half) < 0.022) & (
            np.abs(f[:, 1] - 0.024 - 0.1 * np.abs(f[:, 0])) < 0.005
        )
        color[front & brow] = dark
    lips = front & (np.abs(f[:, 0]) < 0.026) & (np.abs(f[:, 1] + 0.068) < 0.009)
    color[lips] *= np.array([0.95, 0.6, 0.6], np.float32)
