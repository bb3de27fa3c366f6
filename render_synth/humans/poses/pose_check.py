"""Self-penetration of a posed body: depth of limbs in other parts, by nearest vertices and their normals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from diffproxy.body import BodyModel

DEEP = 0.02  # metres: soft tissue deforms by less
ARM = {"l": [18, 20, *range(25, 40)], "r": [19, 21, *range(40, 55)]}  # elbow, wrist, fingers
WHOLE_ARM = {"l": [13, 16, *ARM["l"]], "r": [14, 17, *ARM["r"]]}
LEG = {"l": [4, 7, 10], "r": [5, 8, 11]}  # knee, ankle, foot
WHOLE_LEG = {"l": [1, *LEG["l"]], "r": [2, *LEG["r"]]}


@dataclass(frozen=True)
class _Limb:
    points: Int[np.ndarray, " P"]  # vertices of the limb that may intersect other parts
    others: Int[np.ndarray, " Q"]  # vertices of the parts it may intersect


@dataclass(frozen=True)
class PoseCheck:
    """Forearms with hands against all but their own arm; shins with feet against all but their own leg."""

    limbs: tuple[_Limb, ...]
    faces: Int[np.ndarray, "F 3"]

    def depth(self, vertices: Float[np.ndarray, "Nv 3"]) -> float:
        """How deep (metres) the deepest vertex of a limb lies in another part; 0 if none does."""
        normals = _normals(vertices, self.faces)
        worst = 0.0
        for limb in self.limbs:
            p, q = vertices[limb.points], vertices[limb.others]
            near = ((q > p.min(0) - 0.12) & (q < p.max(0) + 0.12)).all(1)
            if near.sum() > 8:
                worst = max(worst, float(_depths(p, q[near], normals[limb.others][near]).max()))
        return worst

    def depth_between(self, a: Float[np.ndarray, "Nv 3"], b: Float[np.ndarray, "Nv 3"]) -> float:
        """How deep (metres) the deepest vertex of one of two bodies lies in the other."""
        worst = 0.0
        for inside, of in ((a, b), (b, a)):
            low, high = inside.min(0), inside.max(0)
            points = inside[((inside > of.min(0)) & (inside < of.max(0))).all(1)]
            near = ((of > low - 0.15) & (of < high + 0.15)).all(1)
            if len(points) and near.sum() > 8:
                normals = _normals(of, self.faces)[near]
                worst = max(worst, float(_depths(points, of[near], normals).max()))
        return worst


def _depths(
    points: Float[np.ndarray, "P 3"], surface: Float[np.ndarray, "Q 3"], normals: Float[np.ndarray, "Q 3"]
) -> Float[np.ndarray, " P"]:
    """Depth of points below a surface, 0 outside. A point is inside if most of its nearest vertices face away."""
    distance, at = cKDTree(surface).query(points, k=4)
    outside = np.einsum("nki,nki->nk", points[:, None] - surface[at], normals[at])
    inside = (outside < 0).sum(1) >= 3
    return np.where(inside & (distance[:, 0] < 0.15), -outside.max(1, initial=-1.0, where=outside < 0), 0.0)


def _normals(vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "Nv 3"]:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    n = np.cross(b - a, c - a)
    out = np.stack([np.bincount(faces.ravel(), np.repeat(n[:, i], 3), len(vertices)) for i in range(3)], -1)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


@lru_cache(maxsize=4)
def pose_check(body: BodyModel) -> PoseCheck:
    """The check for a body: which vertices belong to which limb follows from its skinning weights."""
    w = body.weights.numpy()

    def of(joints: list[int]) -> Bool[np.ndarray, " Nv"]:
        return w[:, joints].sum(1) > 0.5

    limbs = []
    for moving, own in ((ARM, WHOLE_ARM), (LEG, WHOLE_LEG)):
        for side in ("l", "r"):
            limbs.append(
                _Limb(np.flatnonzero(of(moving[side]))[::2], np.flatnonzero(w[:, own[side]].sum(1) < 0.2))
            )
    return PoseCheck(tuple(limbs), body.faces.numpy())
