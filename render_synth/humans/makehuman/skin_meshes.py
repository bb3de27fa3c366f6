"""The body with a skin texture of an asset folder, and its eyes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from render_synth import colors
from render_synth.humans.body.posed import Posed
from render_synth.humans.makehuman import textures
from render_synth.humans.makehuman.wardrobe import Skin, SkinMesh
from render_synth.rendering.mesh import Mesh


def skin_meshes(
    rng: np.random.Generator,
    mesh: SkinMesh,
    skin: Skin,
    posed: Posed,
    hidden: Bool[np.ndarray, " Nc"],
    step: int,
) -> tuple[Mesh, Mesh]:
    """The body with a skin texture in a random tint, without vertices that clothes hide; and the eyes."""
    keep = ~hidden[mesh.of[mesh.faces]].all(1)
    tint = rng.uniform(0.6, 1.15) * np.exp(rng.normal(0, 0.05, 3))
    image = textures.linear(skin.image[::step, ::step], tint)
    vertices, normals = posed.vertices[mesh.of], posed.normals[mesh.of]
    white = np.ones((len(vertices), 3), np.float32)
    rough = float(rng.uniform(0.4, 0.75))
    body = Mesh(
        vertices.astype(np.float32),
        mesh.faces[keep],
        white,
        normals.astype(np.float32),
        rough,
        mesh.uv,
        image,
    )
    return body, eyes(rng, mesh, posed)


def eyes(rng: np.random.Generator, mesh: SkinMesh, posed: Posed) -> Mesh:
    """White, iris and pupil by the distance from where each eye looks."""
    used, faces = np.unique(mesh.eyes, return_inverse=True)
    rest = posed.a.mesh_rest_coarse[used]
    iris = colors.linear(
        np.array([[60, 40, 25], [90, 60, 35], [70, 95, 130], [80, 110, 80]])[rng.integers(4)] / 255
    )
    color = np.full((len(used), 3), 0.55, np.float32)
    for side in (1, -1):
        own = rest[:, 0] * side > 0
        if not own.any():
            continue
        center = rest[own].mean(0)
        r = np.hypot(*(rest[own] - center)[:, :2].T)
        color[np.flatnonzero(own)[r < 0.0065]] = iris
        color[np.flatnonzero(own)[r < 0.003]] = 0.01
    v, n = posed.vertices[used].astype(np.float32), posed.normals[used].astype(np.float32)
    return Mesh(v, faces.reshape(-1, 3), color, n, 0.3)
