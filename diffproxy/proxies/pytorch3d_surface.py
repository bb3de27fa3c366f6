"""`render_surface` by PyTorch3D's rasterizer, on a GPU where there is one.

The rasterizer decides in float32 which face a pixel shows. Position and depth on that face are solved in float64 as for
rays, so both renderers give the same labels and UV wherever they agree on the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.proxies.raycast import check_mesh, intersect_faces
from diffproxy.proxies.surface import Mesh, SurfaceView, merged, rays_at
from diffproxy.utils.errors import InputError

NEAR = 0.01
"""Metres: what is nearer to a camera is clipped."""
EDGE = 1e-12
"""Squared distance from a face (half the image's shorter side is 1) at which a pixel still shows it: PyTorch3D leaves
out pixel centres that lie exactly on an edge, also on one that two faces share."""


def rasterize_surface(
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    cameras: Sequence[Camera],
    occluders: Sequence[Mesh] | None = None,
    device: torch.device | str | None = None,
) -> list[SurfaceView]:
    """As `render_surface`, with PyTorch3D.

    Args:
        vertices: (Nv, 3) metres, world.
        faces: (Nf, 3) triangles.
        cameras: Pinhole cameras with the same image size.
        occluders: Meshes (vertices, faces) in the same world; what is nearer than the body hides it.
        device: Where to rasterize; None: a GPU if there is one.

    Returns:
        One view per camera.

    Raises:
        InputError: PyTorch3D is not installed, or a camera has lens distortion.
    """
    if find_spec("pytorch3d") is None:
        raise InputError(
            "PyTorch3D for renderer=pytorch3d",
            "that it is not installed",
            "install it (docs/proxy_format.md)",
        )
    lenses = [c.name for c in cameras if not c.is_pinhole]
    if lenses:
        raise InputError(
            "pinhole cameras for renderer=pytorch3d",
            f"lens distortion of {', '.join(lenses)}",
            "use renderer=raycast",
        )
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    views = _nearest_faces(*check_mesh(vertices, faces), cameras, chosen)
    if occluders:
        blockers = _nearest_faces(*check_mesh(*merged(occluders)), cameras, chosen)
        views = [
            SurfaceView(v.face, v.bary, v.depth, v.outline & (b.depth >= v.depth))
            for v, b in zip(views, blockers, strict=True)
        ]
    return views


def _nearest_faces(
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    cameras: Sequence[Camera],
    device: torch.device,
) -> list[SurfaceView]:
    """The nearest face at each pixel centre of each camera, all of it visible."""
    from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
    from pytorch3d.structures import Meshes

    size = (cameras[0].height, cameras[0].width)
    points = [ndc_points(vertices, c).to(device) for c in cameras]
    triangles = torch.from_numpy(faces).to(device)
    crosses = any(bool((p[:, 2] < NEAR).any()) for p in points)  # clipping costs time
    found = rasterize_meshes(
        Meshes(points, [triangles] * len(cameras)),
        image_size=size,
        blur_radius=EDGE,
        faces_per_pixel=1,
        max_faces_per_bin=len(
            faces
        ),  # a bin of a small figure holds nearly all, and what does not fit is dropped
        perspective_correct=True,
        z_clip_value=NEAR if crosses else None,
    )[0]
    packed = found[..., 0].cpu().numpy()
    first = len(faces) * np.arange(len(cameras))[:, None, None]
    numbers = np.where(packed >= 0, packed - first, -1)
    return [_view(vertices, faces, c, n) for c, n in zip(cameras, numbers, strict=True)]


def ndc_points(points_world: Float[np.ndarray, "N 3"], camera: Camera) -> Float[Tensor, "N 3"]:
    """Points in PyTorch3D's screen space: x to the left and y upwards, the shorter side from -1 to 1, z the depth."""
    in_camera = points_world @ camera.R_cam_world.T + camera.t_cam_world
    pixels = in_camera @ camera.K.T
    depth = np.where(np.abs(in_camera[:, 2]) < 1e-9, 1e-9, in_camera[:, 2])  # such points are clipped
    half = min(camera.width, camera.height) / 2
    x = (camera.width / 2 - pixels[:, 0] / depth) / half
    y = (camera.height / 2 - pixels[:, 1] / depth) / half
    return torch.from_numpy(np.stack([x, y, in_camera[:, 2]], axis=-1).astype(np.float32))


def _view(
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    camera: Camera,
    face: Int[np.ndarray, "H W"],
) -> SurfaceView:
    """Position and depth of each pixel on its face."""
    rows, cols = np.nonzero(face >= 0)
    bary = np.zeros((*face.shape, 3), dtype=np.float32)
    depth = np.full(face.shape, np.inf, dtype=np.float32)
    rays = rays_at(camera, cols + 0.5, rows + 0.5)
    corners = vertices[faces[face[rows, cols]]]
    bary[rows, cols], depth[rows, cols] = intersect_faces(corners, camera.center_world, rays)
    return SurfaceView(face.astype(np.int32), bary, depth, face >= 0)
