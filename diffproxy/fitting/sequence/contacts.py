"""Feet on the floor: where the floor is, when a foot stands on it, how far standing feet slide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from diffproxy.body import BodyModel, BodyParams

FEET = (7, 8, 10, 11)
"""Left and right ankle (heel side), left and right ball of the foot."""
BALLS = (10, 11)
NEAR = 0.03
"""Metres above its standing height within which a foot may be standing."""
SLOW = 0.25
"""Metres a second within which it is."""


@dataclass(frozen=True)
class Floor:
    """A plane: points p with `up · p = height`. `rest` are the heights of FEET over it when standing flat, metres."""

    up: Float[np.ndarray, "3"]
    height: float
    rest: Float[np.ndarray, "4"]


def standing_heights(
    body: BodyModel, betas: Float[torch.Tensor, "10"], scale: float
) -> Float[np.ndarray, "4"]:
    """Heights of FEET over the sole in the rest pose of this shape, metres."""
    rest = BodyParams.rest(1, dtype=body.v_template.dtype, device=body.v_template.device)
    rest = rest.replace(betas=betas.to(rest.betas).reshape(1, 10))
    with torch.no_grad():
        out = body(rest)
    sole = float(out.vertices[0, :, 1].min())
    return scale * (out.joints[0, list(FEET), 1].double().cpu().numpy() - sole)


def find_floor(
    joints: Float[np.ndarray, "F 55 3"], up: Float[np.ndarray, "3"], rest: Float[np.ndarray, "4"]
) -> Floor:
    """The floor that the lower foot of most frames stands on; frames without a body (NaN) are passed over."""
    lowest = (joints[:, FEET] @ up - rest).min(axis=1)
    lowest = lowest[np.isfinite(lowest)]
    height = float(np.quantile(lowest, 0.3)) if len(lowest) else 0.0
    return Floor(up, height, rest)


def speeds(points: Float[np.ndarray, "F K 3"], times: Float[np.ndarray, " F"]) -> Float[np.ndarray, "F K"]:
    """Lengths of velocities by central differences, metres a second."""
    if len(points) < 2:
        return np.zeros(points.shape[:2])
    return np.linalg.norm(np.gradient(points, times, axis=0), axis=-1)


def contacts(
    joints: Float[np.ndarray, "F 55 3"], times: Float[np.ndarray, " F"], floor: Floor
) -> Bool[np.ndarray, "F 4"]:
    """Which of FEET stand on the floor: near it and slow."""
    feet = joints[:, FEET]
    near = np.abs(feet @ floor.up - floor.height - floor.rest) < NEAR
    return near & (speeds(feet, times) < SLOW)


def foot_slide(
    joints: Float[np.ndarray, "F 55 3"], times: Float[np.ndarray, " F"], floor: Floor
) -> float | None:
    """Mean speed along the floor, cm/s, of balls of the feet that are near the floor in two successive frames.

    Nearness alone decides, so a foot that slides counts; None where no foot is ever near.
    """
    balls = joints[:, BALLS]
    near = (balls @ floor.up - floor.height - floor.rest[2:]) < NEAR
    step = np.diff(balls, axis=0)
    step = step - (step @ floor.up)[..., None] * floor.up
    speed = np.linalg.norm(step, axis=-1) / np.diff(times)[:, None]
    both = near[1:] & near[:-1] & np.isfinite(speed)
    return float(100 * speed[both].mean()) if both.any() else None


def jitter(joints: Float[np.ndarray, "F J 3"], times: Float[np.ndarray, " F"], step: float) -> float | None:
    """Mean length of the second difference, mm / frame², of frames `step` seconds apart; None for fewer than three."""
    if len(joints) < 3:
        return None
    h = np.diff(times)[:, None, None]
    velocity = np.diff(joints, axis=0) / h
    acceleration = np.diff(velocity, axis=0) / (0.5 * (h[1:] + h[:-1]))
    length = np.linalg.norm(acceleration, axis=-1).mean(-1)
    length = length[np.isfinite(length)]
    return float(1000 * step**2 * length.mean()) if len(length) else None
