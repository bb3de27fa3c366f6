"""The scalp as a distance from the middle of the head, and geometry helpers for hair and hats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from diffproxy.geometry.meshes import unit, vertex_normals
from render_synth.humans.body.posed import Posed
from render_synth.rendering.mesh import Mesh

HEAD_JOINT, EYES = 15, (23, 24)


def head_center(posed: Posed) -> Float[np.ndarray, "3"]:
    """The middle of the head in the rest pose."""
    return posed.rest_joints[list(EYES)].mean(0) + np.array([0, 0.035, -0.085]) * posed.scale


@dataclass(frozen=True)
class Scalp:
    """Distances of the head's skin from its middle, of one person in the rest pose; metres."""

    posed: Posed
    center: Float[np.ndarray, "3"]
    tree: cKDTree
    radius: Float[np.ndarray, " N"]

    @staticmethod
    def of(posed: Posed) -> Scalp:
        center = head_center(posed)
        head = posed.weights[:, [HEAD_JOINT, 22]].sum(1) > 0.5
        offset = posed.rest[head] - center
        offset = offset[offset[:, 1] > -0.11 * posed.scale]
        return Scalp(posed, center, cKDTree(unit(offset)), np.linalg.norm(offset, axis=1))

    def at(self, direction: Float[np.ndarray, "*N 3"], lift: float | np.ndarray) -> Float[np.ndarray, "*N 3"]:
        """Points `lift` above the skin in directions from the middle of the head (the widest of a few neighbours)."""
        d = unit(direction)
        _, near = self.tree.query(d.reshape(-1, 3), k=6)
        radius = np.sort(self.radius[near], axis=1)[:, -3:].mean(1).reshape(d.shape[:-1])
        return self.center + (radius + lift)[..., None] * d

    def world(self, points: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
        p = self.posed
        return (points - p.rest_joints[HEAD_JOINT]) @ p.turns[HEAD_JOINT].T + p.joints[HEAD_JOINT]


def direction(azimuth: np.ndarray, polar: np.ndarray) -> Float[np.ndarray, "*N 3"]:
    """`azimuth` 0 is the back of the head and grows to its left; `polar` 0 is the crown."""
    return np.stack([np.sin(polar) * np.sin(azimuth), np.cos(polar), -np.sin(polar) * np.cos(azimuth)], -1)


def patch(
    faces: Int[np.ndarray, "F 3"], on: np.ndarray
) -> tuple[Int[np.ndarray, " M"], Int[np.ndarray, "G 3"]]:
    used, inverse = np.unique(faces[on[faces].all(1)], return_inverse=True)
    return used, inverse.reshape(-1, 3)


def shade(tint: Float[np.ndarray, "3"], streak: float | np.ndarray, depth: float) -> Float[np.ndarray, "..."]:
    return tint * np.clip(1 + depth * np.asarray(streak), 0.3, 2)[..., None]


def finished(v: np.ndarray, faces: np.ndarray, color: np.ndarray) -> Mesh:
    color = np.broadcast_to(np.clip(color, 0.004, 0.95), (len(v), 3)).astype(np.float32)
    return Mesh(v.astype(np.float32), faces, color, vertex_normals(v, faces))
