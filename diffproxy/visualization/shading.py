"""Shaded colours of a mesh from a rendered surface."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from diffproxy.cameras import Camera
from diffproxy.geometry.meshes import vertex_normals
from diffproxy.proxies import SurfaceView
from diffproxy.proxies.surface import rays_at
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError


def check_color(color: Float[np.ndarray, "*N 3"] | tuple[float, float, float]) -> None:
    """InputError for a colour that is not in [0, 1]."""
    values = np.asarray(color)
    if values.size and not 0 <= values.min() <= values.max() <= 1:
        raise InputError("RGB in [0, 1]", f"values up to {values.max():g}", "divide 8-bit colours by 255")


@checked
def shade(
    view: SurfaceView,
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    camera: Camera,
    color: Float[np.ndarray, "*N 3"] | tuple[float, float, float],
) -> Float[np.ndarray, "H W 3"]:
    """Shaded image of a mesh with smooth normals, lit from the camera and slightly from the upper left.

    Args:
        view: The rendered surface.
        vertices: (Nv, 3) metres, world.
        faces: (Nf, 3) triangles.
        camera: Camera of the view.
        color: One RGB in [0, 1], or one per face.

    Returns:
        (H, W, 3) RGB in [0, 1], black outside the mesh.
    """
    check_color(color)
    image = np.zeros((*view.face.shape, 3), dtype=np.float32)
    rows, cols = np.nonzero(view.outline)
    image[rows, cols] = shade_pixels(view, rows, cols, vertex_normals(vertices, faces), faces, camera, color)
    return image


def shade_pixels(
    view: SurfaceView,
    rows: Int[np.ndarray, " N"],
    cols: Int[np.ndarray, " N"],
    normals: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    camera: Camera,
    color: Float[np.ndarray, "*M 3"] | tuple[float, float, float],
) -> Float[np.ndarray, "N 3"]:
    """`shade` at some pixels of the outline, from vertex normals. Float32: colours have 256 levels.

    Args:
        view: What the camera sees of the mesh.
        rows: Rows of the pixels.
        cols: Columns of the pixels.
        normals: Unit normals of the vertices, world.
        faces: The mesh's triangles.
        camera: Of the image.
        color: RGB in [0, 1] of all, or of each face.

    Returns:
        RGB in [0, 1].
    """
    face = view.face[rows, cols]
    normal = np.einsum("nc,ncd->nd", view.bary[rows, cols], normals[faces[face]])
    rays = rays_at(camera, cols + 0.5, rows + 0.5).astype(np.float32)
    facing = -np.einsum("nd,nd->n", normal, rays)
    towards = camera.R_cam_world.T @ np.array([-0.5, -0.7, -0.5])  # to the key light: upper left, in front
    towards = (towards / np.linalg.norm(towards)).astype(np.float32)
    length = np.maximum(_length(normal), 1e-12)
    key = normal @ towards * np.where(facing < 0, -1, 1).astype(np.float32) / length  # two-sided
    facing = np.abs(facing) / (length * _length(rays))
    light = 0.25 + 0.45 * facing + 0.4 * key.clip(0, 1)
    base = np.asarray(color, dtype=np.float32)
    return np.clip(light[:, None] * (base[face] if base.ndim == 2 else base), 0, 1)


def _length(vectors: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    return np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
