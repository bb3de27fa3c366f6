"""Closest hits of rays with one triangle mesh, through Embree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from diffproxy.utils.errors import InputError


@dataclass(frozen=True)
class Hits:
    """One row per ray: `face` (-1: none), `bary` (weights of its three corners), `distance` (inf: none).

    `distance` is in lengths of the given direction: with z_cam = 1 it is the z-depth.
    """

    face: Int[np.ndarray, " N"]
    bary: Float[np.ndarray, "N 3"]
    distance: Float[np.ndarray, " N"]


class RayMesh:
    """A mesh with its search tree, built once and shared by all views. The order of vertices and faces is kept.

    Embree finds the face in float32, relative to the centre of the mesh; the position on the face is then solved in
    float64, so that barycentric coordinates are exact for the given vertices. Faces are two-sided.
    """

    def __init__(self, vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"]):
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.vertices, self.faces = check_mesh(vertices, faces)
        self._center = self.vertices.mean(axis=0)
        self._scene = EmbreeScene(robust=True)  # robust: no ray slips through a shared edge
        local = (self.vertices - self._center).astype(np.float32)
        self._mesh = TriangleMesh(self._scene, local, self.faces.astype(np.int32))

    def cast(
        self, origin: Float[np.ndarray, " 3"], directions: Float[np.ndarray, "N 3"], exact: bool = True
    ) -> Hits:
        """First hit of each ray.

        Args:
            origin: (3,) metres, world.
            directions: (N, 3) directions of any length.
            exact: False takes Embree's own float32 barycentric coordinates and distances, for a third of the time: good
                to about 1e-4, enough for colours.

        Returns:
            One row per ray.
        """
        n = len(directions)
        if n and not exact:
            return self._cast_quickly(origin, directions)
        face = np.full(n, -1, dtype=np.int32)
        if n:
            start = np.broadcast_to((origin - self._center).astype(np.float32), (n, 3))
            rays = np.ascontiguousarray(directions, dtype=np.float32)
            face = np.asarray(self._scene.run(np.ascontiguousarray(start), rays), dtype=np.int32)
        hit = np.flatnonzero(face >= 0)
        bary = np.zeros((n, 3))
        distance = np.full(n, np.inf)
        bary[hit], distance[hit] = intersect_faces(
            self.vertices[self.faces[face[hit]]], origin, directions[hit]
        )
        return Hits(face, bary, distance)

    def _cast_quickly(self, origin: Float[np.ndarray, " 3"], directions: Float[np.ndarray, "N 3"]) -> Hits:
        start = np.broadcast_to((origin - self._center).astype(np.float32), directions.shape)
        rays = np.ascontiguousarray(directions, dtype=np.float32)
        found = self._scene.run(np.ascontiguousarray(start), rays, output=1)
        face = np.asarray(found["primID"], dtype=np.int32)
        missed = face < 0
        u, v = np.where(missed, 0, found["u"]), np.where(missed, 0, found["v"])
        bary = np.stack([np.where(missed, 0, 1 - u - v), u, v], axis=-1)
        return Hits(face, bary, np.where(missed, np.inf, found["tfar"]))


def intersect_faces(
    corners: Float[np.ndarray, "N 3 3"], origin: Float[np.ndarray, " 3"], directions: Float[np.ndarray, "N 3"]
) -> tuple[Float[np.ndarray, "N 3"], Float[np.ndarray, " N"]]:
    """Barycentric coordinates (clipped to the face) and distance of each ray's crossing of its face's plane."""
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # Cramer's rule on origin + t d = c0 + b1 e1 + b2 e2 (Moeller and Trumbore 1997)
    across = np.cross(directions, edge2)
    det = np.einsum("ni,ni->n", edge1, across)
    det = np.where(np.abs(det) < 1e-300, 1e-300, det)
    offset = origin - corners[:, 0]
    turned = np.cross(offset, edge1)
    b1 = np.einsum("ni,ni->n", offset, across) / det
    b2 = np.einsum("ni,ni->n", directions, turned) / det
    bary = np.clip(np.stack([1 - b1 - b2, b1, b2], axis=-1), 0.0, 1.0)
    bary /= bary.sum(axis=-1, keepdims=True)
    # measured to the clipped point, so that a face seen edge-on cannot give a point off the mesh
    point = np.einsum("nc,ncd->nd", bary, corners) - origin
    distance = np.einsum("ni,ni->n", point, directions) / np.einsum("ni,ni->n", directions, directions)
    return bary, distance


def check_mesh(
    vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"]
) -> tuple[Float[np.ndarray, "Nv 3"], Int[np.ndarray, "Nf 3"]]:
    """The mesh as float64 and int64; InputError on an empty mesh, non-finite vertices or indices out of range."""
    vertices, faces = np.asarray(vertices, dtype=np.float64), np.asarray(faces, dtype=np.int64)
    if not len(vertices) or not len(faces):
        raise InputError(
            "a mesh with vertices and faces",
            f"{len(vertices)} vertices, {len(faces)} faces",
            "leave empty meshes out",
        )
    bad = int((~np.isfinite(vertices).all(axis=-1)).sum())
    if bad:
        raise InputError(
            "finite vertices", f"{bad} vertices with NaN or infinity", "check the body parameters"
        )
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise InputError(
            f"face indices in 0..{len(vertices) - 1}",
            f"{faces.min()}..{faces.max()}",
            "use the faces that belong to these vertices",
        )
    return vertices, faces
