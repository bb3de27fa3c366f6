"""Limbs and trunk as tubes around an axis: distances that straight-cut cloth keeps from the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.geometry.meshes import unit
from render_synth.humans.body.anatomy import Anatomy
from render_synth.humans.body.posed import DOWN, Posed

STATIONS = 40


@dataclass(frozen=True)
class LimbTubes:
    """Per fine vertex of the mean rest body: direction away from the tube's axis, the axis, distance to it (metres).

    `leg_reach`, `arm_reach`: largest distance at 40 stations of the limb (0 at its upper joint, 1 at ankle or wrist).
    `fall`: how far off the skin cloth hangs that falls straight down from chest and shoulder blades.
    """

    away: Float[np.ndarray, "Nc 3"]
    axis: Float[np.ndarray, "Nc 3"]
    radius: Float[np.ndarray, " N"]
    leg_reach: Float[np.ndarray, " S"]
    arm_reach: Float[np.ndarray, " S"]
    fall: Float[np.ndarray, " N"]
    most: Float[np.ndarray, " N"]  # beyond it, the cloth of one leg would reach into the other's


def build_limb_tubes(a: Anatomy) -> LimbTubes:
    rest = a.rest.astype(np.float64)
    arm, leg, j = a.arm > 0, a.leg > 0, a.joints
    away, axis = np.zeros_like(rest), np.zeros_like(rest)
    trunk_z = np.interp(rest[:, 1], *_middle_depth(rest[a.arm < -0.5]))
    away[:] = rest - np.stack([0 * trunk_z, rest[:, 1], trunk_z], 1)
    axis[:] = DOWN
    for side, (hip, knee, ankle), (shoulder, elbow, wrist) in (
        (1, (1, 4, 7), (16, 18, 20)),
        (-1, (2, 5, 8), (17, 19, 21)),
    ):
        mine = leg & (rest[:, 0] * side > 0)
        points = j[[ankle, knee, hip]]
        center = np.stack([np.interp(rest[mine, 1], points[:, 1], points[:, k]) for k in range(3)], 1)
        center[:, 1] = rest[mine, 1]
        share = np.clip(a.leg[mine, None] / 0.15, 0, 1)
        away[mine] = share * (rest[mine] - center) + (1 - share) * away[mine]
        mine = arm & (rest[:, 0] * side > 0)
        points = j[[shoulder, elbow, wrist]]
        center = np.stack(
            [np.interp(side * rest[mine, 0], side * points[:, 0], points[:, k]) for k in range(3)], 1
        )
        center[:, 0] = rest[mine, 0]
        away[mine] = rest[mine] - center
        axis[mine] = unit(points[2] - points[0])
    radius = np.linalg.norm(away, axis=1)
    fall = np.maximum(_falling(rest, a, trunk_z) - radius, 0)
    direction = unit(away)
    inward = np.maximum(-direction[:, 0] * np.sign(rest[:, 0]), 1e-3)
    most = np.where(leg, np.maximum(np.abs(rest[:, 0]) - 0.006, 0) / inward, 9.0)
    n = len(a.mesh_rest_coarse)
    return LimbTubes(
        direction[:n], axis[:n], radius.astype(np.float32), _reach(a.leg, radius, leg), _reach(a.arm, radius, arm),
        np.where(arm, 0, fall).astype(np.float32), most.astype(np.float32),
    )  # fmt: skip


def outward(posed: Posed, limbs: LimbTubes, droop: float) -> Float[np.ndarray, "N 3"]:
    """Where one metre of slack goes at each fine vertex of the posed body.

    Away from the limb's axis and, by `droop`, down across it: a wide sleeve rests on a raised arm and hangs below it.
    """
    away = posed.turn(limbs.away, posed.weights)
    axis = posed.turn(limbs.axis, posed.weights)
    down = DOWN - axis * (axis @ DOWN)[:, None]
    return posed.a.mesh.refine(away + droop * down)


def _middle_depth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights, and depth (z) of the middle of the trunk there."""
    heights = np.linspace(points[:, 1].min(), points[:, 1].max(), 60)
    z = np.zeros(60)
    for i, y in enumerate(heights):
        near = points[np.abs(points[:, 1] - y) < 0.04, 2]
        z[i] = (near.min() + near.max()) / 2
    return heights, np.convolve(np.pad(z, 3, mode="edge"), np.ones(7) / 7, mode="valid")


def _reach(along: np.ndarray, radius: np.ndarray, mine: np.ndarray) -> Float[np.ndarray, " S"]:
    at = np.clip((along * STATIONS).astype(int), 0, STATIONS - 1)
    return np.array([np.quantile(radius[mine & (at == s)], 0.95) for s in range(STATIONS)])


def _falling(rest: np.ndarray, a: Anatomy, trunk_z: np.ndarray) -> Float[np.ndarray, " N"]:
    """Distance from the trunk's axis of cloth that falls straight down from above, at each vertex."""
    trunk = (a.arm < -0.5) & (a.torso < 0.9) & (a.torso > -0.9)
    angle = np.arctan2(rest[:, 0], rest[:, 2] - trunk_z)
    heights = np.linspace(rest[trunk, 1].max(), rest[trunk, 1].min(), 50)
    angles = np.linspace(-np.pi, np.pi, 49)
    directions = np.stack([np.sin(angles), np.cos(angles)])
    table = np.zeros((50, 49))
    flat = np.stack([rest[:, 0], rest[:, 2] - trunk_z], 1)
    for i, y in enumerate(heights):
        near = trunk & (np.abs(rest[:, 1] - y) < 0.02)
        table[i] = (flat[near] @ directions).max(0)
    table = np.maximum.accumulate(table, 0)
    from scipy.ndimage import map_coordinates

    rows = (heights[0] - rest[:, 1]) / (heights[0] - heights[-1]) * 49
    columns = (angle + np.pi) / (2 * np.pi) * 48
    return np.where(trunk, map_coordinates(table, [rows, columns], order=1, mode="nearest"), 0)
