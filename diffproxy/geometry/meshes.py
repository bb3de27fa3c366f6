"""Normals of triangle meshes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def vertex_normals(
    vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"]
) -> Float[np.ndarray, "Nv 3"]:
    """Smooth normals of a triangle mesh.

    Args:
        vertices: (Nv, 3) positions; face normals are computed in their precision.
        faces: (Nf, 3) vertex indices, counter-clockwise seen from outside.

    Returns:
        (Nv, 3) float32 unit normals, faces weighted by their area; zero at vertices without a face.
    """
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    total = [np.bincount(faces.ravel(), np.repeat(normal[:, i], 3), len(vertices)) for i in range(3)]
    return unit(np.stack(total, -1)).astype(np.float32)


def unit(x: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
    """Vectors scaled to length 1; zero stays zero."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
