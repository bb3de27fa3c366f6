"""A shaded picture of a mesh from what the ray caster sees."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from diffproxy.cameras import Camera
from diffproxy.proxies import SurfaceView
from diffproxy.proxies.surface import pixel_rays


def vertex_normals(
    vertices: Float[np.ndarray, "Nv 3"], faces: Int[np.ndarray, "Nf 3"]
) -> Float[np.ndarray, "Nv 3"]:
    """Unit normals, faces weighted by their area; zero at vertices without a face."""
    corners = np.asarray(vertices, dtype=np.float64)[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(normal[:, k], 3), minlength=len(vertices)) for k in range(3)],
        axis=-1,
    )
    length = np.linalg.norm(total, axis=-1, keepdims=True)
    return total / np.where(length > 0, length, 1.0)


def shade(
    view: SurfaceView,
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    camera: Camera,
    color: Float[np.ndarray, "*N 3"] | tuple[float, float, float],
) -> Float[np.ndarray, "H W 3"]:
    """RGB in [0, 1] with smooth normals, lit from the camera and a little from the image's upper left; black outside.

    `color` is one RGB in [0, 1] or one per face.
    """
    picture = np.zeros((*view.face.shape, 3), dtype=np.float32)
    rows, cols = np.nonzero(view.outline)
    if not len(rows):
        return picture
    face, bary = view.face[rows, cols], view.bary[rows, cols]
    normal = np.einsum("nc,ncd->nd", bary, vertex_normals(vertices, faces)[faces[face]])
    rays = pixel_rays(camera, (0, 0, camera.width, camera.height)).reshape(camera.height, camera.width, 3)[
        rows, cols
    ]
    normal, rays = (a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-12) for a in (normal, rays))
    facing = -np.einsum("nd,nd->n", normal, rays)
    normal, facing = normal * np.where(facing < 0, -1.0, 1.0)[:, None], np.abs(facing)  # two-sided
    key = np.array([-0.5, -0.7, -0.5]) @ camera.R_cam_world  # from the upper left, in front
    key = np.clip(normal @ key / np.linalg.norm(key), 0, 1)
    light = 0.25 + 0.45 * facing + 0.4 * key
    base = np.asarray(color, dtype=np.float64)
    base = base[face] if base.ndim == 2 else base
    picture[rows, cols] = np.clip(light[:, None] * base, 0, 1)
    return picture
