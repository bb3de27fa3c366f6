"""Alpha cutout: triangles clipped along the 0.5 level of their texture's alpha channel.

All rays then see the same holes: light paths, shadows and masks. A transparent material would cost path depth.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from diffproxy.geometry.meshes import vertex_normals
from render_synth.humans.body.fine_mesh import build_fine_mesh
from render_synth.rendering.mesh import Mesh

MAX_EDGE = 0.008  # metres; how finely borders of holes are cut


def sample_texture(
    texture: Float[np.ndarray, "S T C"], uv: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "N C"]:
    """Bilinear, repeating; uv has its origin at the bottom left, pixel centres are at half integers."""
    h, w = texture.shape[:2]
    x, y = uv[:, 0] * w - 0.5, (1 - uv[:, 1]) * h - 0.5
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    rows, columns = (y0 % h, (y0 + 1) % h), (x0 % w, (x0 + 1) % w)
    top = texture[rows[0], columns[0]] * (1 - fx) + texture[rows[0], columns[1]] * fx
    low = texture[rows[1], columns[0]] * (1 - fx) + texture[rows[1], columns[1]] * fx
    return top * (1 - fy) + low * fy


def cut_by_alpha(
    vertices: Float[np.ndarray, "N 3"],
    uv: Float[np.ndarray, "N 2"],
    faces: Int[np.ndarray, "F 3"],
    alpha: Float[np.ndarray, "S T 1"],
    max_edge: float,
    level: float = 0.5,
) -> tuple[sparse.csr_matrix, Int[np.ndarray, "G 3"]]:
    """Where alpha stays above `level`: (blend, faces), where `blend @ values` gives the new vertices' values.

    Triangles are split to edges of `max_edge` (metres) and clipped along the level line.
    """
    fine = build_fine_mesh(vertices, faces, max_edge)
    over = sample_texture(alpha, fine.refine(uv).astype(np.float64))[:, 0] - level
    return clip_triangles(fine.blend, fine.faces, over)


def clip_triangles(
    blend: sparse.csr_matrix, faces: Int[np.ndarray, "F 3"], over: Float[np.ndarray, " N"]
) -> tuple[sparse.csr_matrix, Int[np.ndarray, "G 3"]]:
    """Triangles where the linear field `over` (one value per row of `blend`) is positive, as in `cut_by_alpha`."""
    inside = over > 0
    count = inside[faces].sum(1)
    out = [faces[count == 3]]
    starts, ends = [], []
    at = blend.shape[0]
    for wanted, flip in ((1, False), (2, True)):
        some = faces[count == wanted]
        lone = (inside[some] != flip).argmax(1)  # the corner on its own side
        a, b, c = np.take_along_axis(some, (lone[:, None] + np.arange(3)) % 3, 1).T
        ab, ac = at + np.arange(len(a)), at + len(a) + np.arange(len(a))
        at += 2 * len(a)
        starts += [a, a]
        ends += [b, c]
        out += [np.stack([ab, b, c], 1), np.stack([ab, c, ac], 1)] if flip else [np.stack([a, ab, ac], 1)]
    s, e = np.concatenate(starts), np.concatenate(ends)
    t = over[s] / np.where(s == e, 1.0, over[s] - over[e])
    rows = np.arange(len(s))
    mix = sparse.csr_matrix(
        (np.concatenate([1 - t, t]).astype(np.float32), (np.r_[rows, rows], np.r_[s, e])),
        shape=(len(s), blend.shape[0]),
    )
    new = np.concatenate(out)
    used, inverse = np.unique(new, return_inverse=True)
    return sparse.vstack([blend, mix @ blend], format="csr")[used], inverse.reshape(-1, 3)


def cut_holes(mesh: Mesh) -> Mesh:
    """A mesh whose RGBA texture became RGB, without the surface where alpha < 0.5; any other mesh as it is."""
    if mesh.texture is None or mesh.texture.shape[2] != 4 or mesh.uv is None:
        return mesh
    opaque = replace(mesh, texture=mesh.texture[..., :3])
    alpha = mesh.texture[..., 3:]
    if alpha.min() > 0.5:
        return opaque
    blend, faces = cut_by_alpha(mesh.vertices, mesh.uv, mesh.faces, alpha, MAX_EDGE)
    if not len(faces):
        blend, faces = blend[:0], faces
    normals = vertex_normals(mesh.vertices, mesh.faces) if mesh.normals is None else mesh.normals
    take = lambda x: np.asarray(blend @ x, dtype=np.float32)  # noqa: E731
    return replace(
        opaque,
        vertices=take(mesh.vertices),
        faces=faces,
        colors=take(mesh.colors),
        normals=take(normals),
        uv=take(mesh.uv),
    )
