"""A posed body for dressing: skinning of rest-pose points, and obstacles that cloth must not enter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import cKDTree

from diffproxy.body import BodyParams
from render_synth.humans.body.anatomy import ARM, Anatomy
from render_synth.humans.body.bodies import Person

ARMS = [13, 14, *ARM["l"], *ARM["r"]]
DOWN = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class Posed:
    """Coarse vertices of one person in the rest pose of its own shape and in the world; metres, `scale` applied."""

    a: Anatomy
    params: BodyParams
    rest: Float[np.ndarray, "Nc 3"]
    rest_joints: Float[np.ndarray, "55 3"]
    weights: Float[np.ndarray, "Nc 55"]
    turns: Float[np.ndarray, "55 3 3"]
    joints: Float[np.ndarray, "55 3"]
    vertices: Float[np.ndarray, "Nc 3"]
    normals: Float[np.ndarray, "Nc 3"]

    @property
    def floor(self) -> float:
        """Height of the lowest point of the body: cloth does not fall deeper."""
        return float(self.vertices[:, 1].min())

    @property
    def scale(self) -> float:
        return float(self.rest_joints[0, 1] / self.a.joints[0, 1])

    def skin(
        self, points: Float[np.ndarray, "N 3"], weights: Float[np.ndarray, "N 55"]
    ) -> Float[np.ndarray, "N 3"]:
        """Points of the rest pose to the world, by linear blend skinning."""
        used = np.flatnonzero(weights.max(0) > 1e-4)
        out = np.zeros_like(points, dtype=np.float64)
        for j in used:
            moved = (points - self.rest_joints[j]) @ self.turns[j].T + self.joints[j]
            out += weights[:, j, None] * moved
        return out / weights[:, used].sum(1, keepdims=True)

    def at(self, turns: Float[np.ndarray, "55 3 3"], joints: Float[np.ndarray, "55 3"]) -> Posed:
        """The same body with other joint rotations and positions; its vertices stay, so use it for `skin` alone."""
        return replace(self, turns=turns, joints=joints)

    def turn(
        self, directions: Float[np.ndarray, "N 3"], weights: Float[np.ndarray, "N 55"]
    ) -> Float[np.ndarray, "N 3"]:
        """Directions of the rest pose to the world, of unit length."""
        blended = (weights @ self.turns.reshape(55, 9)).reshape(-1, 3, 3)
        out = np.einsum("nij,nj->ni", blended, directions)
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)

    @cached_property
    def fine(self) -> Float[np.ndarray, "N 3"]:
        return self.a.mesh.refine(self.vertices)

    @cached_property
    def fine_normals(self) -> Float[np.ndarray, "N 3"]:
        return self.a.mesh.refine(self.normals)

    @cached_property
    def lift_normals(self) -> Float[np.ndarray, "N 3"]:
        """Smoothed unit normals of the fine mesh: layers lifted along them do not crease."""
        n = self.a.mesh.refine(self.a.mesh.smooth(self.normals, 4))
        return n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-9)

    @cached_property
    def is_arm(self) -> np.ndarray:
        return self.weights[:, ARMS].sum(1) > 0.5

    @cached_property
    def trunk(self) -> Obstacle:
        """Everything but the arms, for cloth that hangs from the trunk: hands may well be under it."""
        return Obstacle.of(self.vertices[~self.is_arm], self.normals[~self.is_arm], self.floor)

    @cached_property
    def whole(self) -> Obstacle:
        return Obstacle.of(self.vertices, self.normals, self.floor)


@dataclass(frozen=True)
class Obstacle:
    """A closed surface given by points and outward normals, and the floor under it."""

    points: Float[np.ndarray, "N 3"]
    normals: Float[np.ndarray, "N 3"]
    floor: float
    tree: cKDTree

    @staticmethod
    def of(points: np.ndarray, normals: np.ndarray, floor: float) -> Obstacle:
        return Obstacle(points, normals, floor, cKDTree(points))

    def with_more(self, surfaces: list[tuple[np.ndarray, np.ndarray]]) -> Obstacle:
        """This obstacle and further surfaces, as pairs of points and normals."""
        if not surfaces:
            return self
        points, normals = zip((self.points, self.normals), *surfaces, strict=True)
        return Obstacle.of(np.concatenate(points), np.concatenate(normals), self.floor)

    def planes(self, p: Float[np.ndarray, "N 3"], margin: float) -> tuple[np.ndarray, np.ndarray]:
        """Per point the tangent plane at the nearest point of the surface, lifted by `margin`: normals, offsets."""
        _, at = self.tree.query(p)
        normals = self.normals[at]
        return normals, np.einsum("ni,ni->n", self.points[at], normals) + margin

    def push_out(
        self, p: Float[np.ndarray, "N 3"], margin: float, rounds: int = 2
    ) -> Float[np.ndarray, "N 3"]:
        """Points that are inside the surface, or nearer than `margin`, moved out to that distance."""
        for _ in range(rounds):
            p = above(p, *self.planes(p, margin), self.floor)
        return p


def above(
    p: Float[np.ndarray, "N 3"],
    normals: Float[np.ndarray, "N 3"],
    offsets: Float[np.ndarray, " N"],
    floor: float,
) -> Float[np.ndarray, "N 3"]:
    """Points on the outer side of their planes and above the floor."""
    depth = np.maximum(offsets - np.einsum("ni,ni->n", p, normals), 0)
    p = p + depth[:, None] * normals
    p[:, 1] = np.maximum(p[:, 1], floor + 0.004)
    return p


def pose_anatomy(a: Anatomy, person: Person) -> Posed:
    """Skinning transforms and surfaces of a person, for dressing."""
    body, params = a.body, person.params
    with torch.no_grad():
        turns, joints = body.joint_transforms(params)
        shape = torch.cat([params.betas, params.expression], 1)[0]
        rest = (body.v_template + body.shapedirs @ shape).double().numpy()
        rest_joints = body.rest_joints(params)[0].double().numpy()
    scale = float(params.scale[0, 0])
    vertices = person.vertices.astype(np.float64)
    return Posed(
        a, params, rest * scale, rest_joints * scale, body.weights.double().numpy(), turns[0].double().numpy(),
        joints[0].double().numpy(), vertices, a.mesh.normals(vertices),
    )  # fmt: skip
