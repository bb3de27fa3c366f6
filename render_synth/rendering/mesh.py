"""Triangle meshes as plain arrays: metres, linear RGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Mesh:
    """Triangles with linear RGB per vertex; `rough` < 1 adds a specular lobe.

    With `uv` (origin at the bottom left) and `texture` (linear RGB, or RGBA whose alpha < 0.5 means no
    surface) the colour is the texture's times the mean of the vertex colours.
    """

    vertices: Float[np.ndarray, "N 3"]
    faces: Int[np.ndarray, "F 3"]
    colors: Float[np.ndarray, "N 3"]
    normals: Float[np.ndarray, "N 3"] | None = None
    rough: float = 1.0
    uv: Float[np.ndarray, "N 2"] | None = None
    texture: Float[np.ndarray, "S T C"] | None = None

    def textured(self) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, "S T C"]]:
        """`uv` and `texture` of a mesh that has both; ValueError else."""
        if self.uv is None or self.texture is None:
            raise ValueError("the mesh has no texture")
        return self.uv, self.texture


def merge_untextured(meshes: list[Mesh]) -> Mesh:
    """Several meshes without textures as one."""
    if not meshes:
        far = np.array([[0, -90, 0], [0.01, -90, 0], [0, -90, 0.01]], np.float32)
        return Mesh(far, np.array([[0, 1, 2]]), far * 0 + 0.5, far * 0 + [0, 1, 0])
    starts = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + s for m, s in zip(meshes, starts, strict=True)]),
        np.concatenate([m.colors for m in meshes]),
        np.concatenate([m.normals for m in meshes]).astype(np.float32),
    )
