"""Many meshes merged into two, one of them with a texture atlas.

The renderer compiles a program for every number of materials; merging keeps that number constant.
"""

from __future__ import annotations

import numpy as np

from render_synth.rendering.alpha_cutout import cut_holes
from render_synth.rendering.mesh import Mesh, merge_untextured

WIDTH = 1024  # least width of an atlas, pixels


def merge_for_rendering(meshes: list[Mesh]) -> list[Mesh]:
    """Two meshes in place of many: all without texture, and all with texture after alpha cutout.

    Rays for masks must be cast against these, too, because the cutout removes surface.
    """
    cut = [cut_holes(m) for m in meshes if m.texture is not None]
    opaque = merge_untextured([m for m in meshes if m.texture is None])
    return [opaque, merge_textured([m for m in cut if len(m.faces)])]


def merge_textured(meshes: list[Mesh]) -> Mesh:
    """One diffuse mesh. UV is clipped to [0, 1], textures are tinted by the mean vertex colour, tiles do not bleed."""
    if not meshes:
        far = np.array([[0, -91, 0], [0.01, -91, 0], [0, -91, 0.01]], np.float32)
        grey = np.full((2, 2, 3), 0.5, np.float32)
        return Mesh(
            far,
            np.array([[0, 1, 2]]),
            far * 0 + 1,
            far * 0 + np.array([0, 1, 0], np.float32),
            1.0,
            far[:, :2] * 0,
            grey,
        )
    textures = [m.textured() for m in meshes]
    sizes = [texture.shape[:2] for _, texture in textures]
    places, (height, width) = shelves(sizes)
    image = np.zeros((height, width, 3), np.float32)
    uv = []
    for m, (at, texture), (y, x), (h, w) in zip(meshes, textures, places, sizes, strict=True):
        np.multiply(texture[..., :3], m.colors.mean(0).astype(np.float32), out=image[y : y + h, x : x + w])
        u, v = np.clip(at, 0, 1).T
        uv.append(np.stack([(x + 0.5 + u * (w - 1)) / width, 1 - (y + 0.5 + (1 - v) * (h - 1)) / height], 1))
    starts = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    vertices = np.concatenate([m.vertices for m in meshes])
    return Mesh(
        vertices,
        np.concatenate([m.faces + s for m, s in zip(meshes, starts, strict=True)]),
        np.ones_like(vertices),
        np.concatenate([m.normals for m in meshes]).astype(np.float32),
        1.0,
        np.concatenate(uv).astype(np.float32),
        image,
    )


def shelves(sizes: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Rectangles (height, width) in rows, the high ones first: (row, column) of each, and the whole size."""
    width = max(WIDTH, *(w for _, w in sizes))
    places: list[tuple[int, int]] = [(0, 0)] * len(sizes)
    y = x = high = 0
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i][0]):
        h, w = sizes[i]
        if x + w > width:
            y, x, high = y + high, 0, 0
        places[i] = (y, x)
        x, high = x + w, max(high, h)
    return places, (y + high, width)
