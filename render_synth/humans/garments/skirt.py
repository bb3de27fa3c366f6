"""Cloth that falls from the waist around both legs: skirts, the lower parts of dresses, coats and robes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from render_synth.humans.body.anatomy import LEG
from render_synth.humans.body.posed import Posed
from render_synth.humans.garments.cloth_sheet import Sheet

COLUMNS = 56
STEP = 0.03  # metres between rows
LEGS = {side: np.array(joints) for side, joints in LEG.items()}


@dataclass(frozen=True)
class SkirtCut:
    """`top` as torso fraction (0 hips, 1 neck), `bottom` as leg fraction (0 hips, 1 ankles); lengths in metres."""

    top: float
    bottom: float
    ease: float  # distance off the body
    flare: float  # widening of the radius per metre of length
    fullness: float  # hem width over what `flare` alone gives; the rest makes folds
    pleats: int = 9
    opening: float = 0.0  # half angle of the gap in front at the hem, radians; 0 is closed
    straight: bool = True  # hangs from the widest place, instead of following the waist in again


def skirt_sheet(posed: Posed, cut: SkirtCut, rng: np.random.Generator) -> Sheet:
    """The sheet around trunk and both legs of the rest body."""
    hip = posed.rest_joints[1:3, 1].mean()
    neck, ankle = posed.rest_joints[12, 1], posed.rest_joints[7:9, 1].mean()
    top, bottom = hip + cut.top * (neck - hip), hip - cut.bottom * (hip - ankle)
    rows = max(6, round((top - bottom) / (STEP * posed.scale)))
    heights = np.linspace(top, bottom, rows)
    gap = cut.opening
    angles = np.arange(COLUMNS) / COLUMNS * 2 * np.pi if not gap else np.linspace(0, 2 * np.pi, COLUMNS)
    around = _support(posed, heights, angles) + cut.ease
    if cut.straight:
        around = np.maximum.accumulate(around, 0)
    fall = (heights[0] - heights)[:, None]
    t = fall / fall[-1]
    around = around + cut.flare * fall
    phase = rng.uniform(0, 2 * np.pi)
    wave = np.sin(cut.pleats * angles + phase + 0.8 * np.sin(2 * angles + rng.uniform(0, 6)))
    around = around * (1 + 0.5 * min(cut.fullness - 1, 0.25) * t * wave)
    theta = np.broadcast_to(angles, around.shape)
    if gap:  # the gap opens from a narrow slit at the top towards the hem
        half = gap * (0.25 + 0.75 * t)
        theta = half + (2 * np.pi - 2 * half) * theta / (2 * np.pi)
    center = _middle(posed, heights)[:, None]
    rest = np.stack(
        [
            around * np.sin(theta),
            np.broadcast_to(heights[:, None], theta.shape),
            center + around * np.cos(theta),
        ],
        -1,
    )
    return Sheet(rest, _weights(posed, rest), closed=not gap, fullness=cut.fullness)


def _trunk(posed: Posed) -> np.ndarray:
    return posed.rest[~posed.is_arm]


def _middle(posed: Posed, heights: Float[np.ndarray, " R"]) -> Float[np.ndarray, " R"]:
    """Depth (z) of the trunk's middle at each height, smoothed."""
    points = _trunk(posed)
    z = []
    for y in heights:
        near = points[np.abs(points[:, 1] - y) < 0.04]
        z.append((near[:, 2].min() + near[:, 2].max()) / 2 if len(near) else posed.rest_joints[0, 2])
    pad = np.concatenate([z[:1] * 3, z, z[-1:] * 3])
    return np.convolve(pad, np.ones(7) / 7, mode="valid")


def _support(
    posed: Posed, heights: Float[np.ndarray, " R"], angles: Float[np.ndarray, " C"]
) -> Float[np.ndarray, "R C"]:
    """How far the body reaches in each direction around its middle, at each height: never less than its hull."""
    points, middle = _trunk(posed), _middle(posed, heights)
    directions = np.stack([np.sin(angles), np.cos(angles)])
    out = np.zeros((len(heights), len(angles)))
    for i, y in enumerate(heights):
        near = points[np.abs(points[:, 1] - y) < 0.022]
        if not len(near):
            out[i] = out[i - 1]
            continue
        out[i] = ((near[:, [0, 2]] - [0, middle[i]]) @ directions).max(0)
    return out


def _weights(posed: Posed, rest: Float[np.ndarray, "R C 3"]) -> Float[np.ndarray, "R C 55"]:
    """Skinning: the trunk's and legs' own at that height, left and right mixed across the middle.

    So a raised leg lifts its side of the cloth, and what is between the legs spans from one to the other.
    """
    points, heights = _trunk(posed), rest[:, 0, 1]
    own = posed.weights[~posed.is_arm]
    out = np.zeros((*rest.shape[:2], 55))
    for i, y in enumerate(heights):
        x = rest[i, :, 0] / max(np.abs(rest[i, :, 0]).max(), 1e-6)
        left = np.clip(0.5 + 0.75 * x, 0, 1)
        left = left * left * (3 - 2 * left)
        for sign, share in ((1, left), (-1, 1 - left)):
            near = np.exp(-(((points[:, 1] - y) / 0.03) ** 2)) * (points[:, 0] * sign > 0.02)
            out[i] += share[:, None] * (near @ own / max(near.sum(), 1e-9))
    return out
