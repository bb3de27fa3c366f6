"""Subdivision of the body's mesh, so that painted clothes have sharp borders, and mesh helpers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from diffproxy.geometry.meshes import unit


@dataclass(frozen=True)
class FineMesh:
    """`blend @ coarse` gives fine vertices: each is a fixed mix of vertices of one coarse edge or face."""

    blend: sparse.csr_matrix  # (Nfine, Ncoarse), rows sum to 1
    faces: Int[np.ndarray, "F 3"]
    around: sparse.csr_matrix  # (Ncoarse, Fcoarse) 1 where a coarse face touches a vertex
    coarse_faces: Int[np.ndarray, "C 3"]

    def refine(self, coarse: Float[np.ndarray, "Ncoarse D"]) -> Float[np.ndarray, "Nfine D"]:
        return np.asarray(self.blend @ coarse, dtype=np.float32)

    def normals(self, vertices: Float[np.ndarray, "Ncoarse 3"]) -> Float[np.ndarray, "Ncoarse 3"]:
        """Area-weighted unit normals of the coarse mesh."""
        a, b, c = (vertices[self.coarse_faces[:, i]] for i in range(3))
        return unit(self.around @ np.cross(b - a, c - a))

    def smooth(self, values: Float[np.ndarray, "Ncoarse D"], rounds: int) -> Float[np.ndarray, "Ncoarse D"]:
        """Average over neighbouring faces, `rounds` times."""
        degree = np.maximum(np.asarray(self.around.sum(1)), 1)
        for _ in range(rounds):
            values = (self.around @ values[self.coarse_faces].mean(1)) / degree
        return values


def build_fine_mesh(
    vertices: Float[np.ndarray, "Ncoarse 3"], faces: Int[np.ndarray, "C 3"], max_edge: float
) -> FineMesh:
    """Split edges longer than `max_edge` (metres, on the rest body) at their middle until none is left."""
    faces = np.asarray(faces, dtype=np.int64)
    n0 = len(vertices)
    blend = sparse.identity(n0, format="csr", dtype=np.float32)
    points, fine = np.asarray(vertices, dtype=np.float64), faces
    for _ in range(8):
        split, midpoint_of = long_edges(points, fine, max_edge)
        if not len(split):
            break
        mix = sparse.csr_matrix(
            (np.full(2 * len(split), 0.5, np.float32), (np.repeat(np.arange(len(split)), 2), split.ravel())),
            shape=(len(split), len(points)),
        )
        blend = sparse.vstack([blend, mix @ blend], format="csr")
        points = np.concatenate([points, points[split].mean(1)])
        fine = split_faces(fine, midpoint_of)
    rows, cols = faces.ravel(), np.repeat(np.arange(len(faces)), 3)
    around = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, cols)), shape=(n0, len(faces)))
    return FineMesh(blend, fine, around, faces)


def long_edges(
    points: Float[np.ndarray, "N 3"], faces: Int[np.ndarray, "F 3"], max_edge: float
) -> tuple[Int[np.ndarray, "E 2"], Int[np.ndarray, "F 3"]]:
    """Edges to split, and per face corner i the new vertex on edge (i, i+1), or -1."""
    n = len(points)
    a, b = faces, np.roll(faces, -1, axis=1)
    key = np.minimum(a, b) * n + np.maximum(a, b)
    unique, inverse = np.unique(key, return_inverse=True)
    edges = np.stack([unique // n, unique % n], 1)
    long = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1) > max_edge
    number = np.where(long, n + np.cumsum(long) - 1, -1)
    return edges[long], number[inverse.reshape(faces.shape)]


def split_faces(faces: Int[np.ndarray, "F 3"], mid: Int[np.ndarray, "F 3"]) -> Int[np.ndarray, "G 3"]:
    """Replace each face by 1 to 4 faces according to which of its edges have a new vertex (no cracks)."""
    count = (mid >= 0).sum(1)
    out = [faces[count == 0]]
    # Rotate so that, with one split edge, it is edge 0; with two, edge 2 is the whole one.
    turn = np.where(count == 1, (mid >= 0).argmax(1), np.where(count == 2, ((mid < 0).argmax(1) + 1) % 3, 0))
    index = (turn[:, None] + np.arange(3)) % 3
    (a, b, c), (m, p, q) = (np.take_along_axis(x, index, 1).T for x in (faces, mid))
    one, two, three = count == 1, count == 2, count == 3
    for sel, triples in (
        (one, ((a, m, c), (m, b, c))),
        (two, ((m, b, p), (a, m, p), (a, p, c))),
        (three, ((a, m, q), (m, b, p), (q, p, c), (m, p, q))),
    ):
        out += [np.stack([x[sel] for x in t], 1) for t in triples]
    return np.concatenate(out)
