"""Surface point of a mesh at each pixel: face, barycentric coordinates, depth and occlusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from diffproxy.cameras import Camera
from diffproxy.proxies.footprint import footprint
from diffproxy.proxies.raycast import RayMesh
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.short_repr import short_repr

Mesh = tuple[np.ndarray, np.ndarray]  # vertices (Nv, 3) metres, faces (Nf, 3)
Window = tuple[int, int, int, int]  # x0, y0, x1, y1, whole pixels


@checked
@dataclass(frozen=True)
class SurfaceView:
    """One view of a mesh at pixel centres. Outside its silhouette: face -1, bary 0, depth inf.

    `depth` is z along the optical axis, metres. `face`, `bary`, `depth` and `outline` ignore occluders; `visible` are
    the pixels of the outline that no occluder hides.
    """

    face: Int[np.ndarray, "H W"]
    bary: Float[np.ndarray, "H W 3"]
    depth: Float[np.ndarray, "H W"]
    visible: Bool[np.ndarray, "H W"]

    __repr__ = short_repr

    @property
    def outline(self) -> Bool[np.ndarray, "H W"]:
        return self.face >= 0


@checked
def render_surface(
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    cameras: Sequence[Camera],
    occluders: Sequence[Mesh] | None = None,
) -> list[SurfaceView]:
    """Cast one ray through every pixel centre near a face, in every camera.

    Args:
        vertices: (Nv, 3) metres, world.
        faces: (Nf, 3) triangles.
        cameras: Cameras, with or without lens distortion.
        occluders: Meshes (vertices, faces) in the same world; what is nearer than the body hides it.

    Returns:
        One view per camera.
    """
    surface = Surface(vertices, faces, occluders)
    return [surface.seen_by(camera) for camera in cameras]


class Surface:
    """A mesh and its occluders, with search trees that all cameras share."""

    def __init__(
        self,
        vertices: Float[np.ndarray, "Nv 3"],
        faces: Int[np.ndarray, "Nf 3"],
        occluders: Sequence[Mesh] | None = None,
    ):
        self._body = RayMesh(vertices, faces)
        self._blocker = RayMesh(*merged(occluders)) if occluders else None

    def seen_by(self, camera: Camera) -> SurfaceView:
        """The view of one camera, as in `render_surface`."""
        return surface_view(self._body, self._blocker, camera)

    def colors_seen_by(self, camera: Camera) -> tuple[SurfaceView, Window]:
        """The part of the view around the body, two pixels wider, with barycentric coordinates that do for colours."""
        x0, y0, x1, y1 = projected_box(self._body.vertices, camera)
        if x1 <= x0 or y1 <= y0:
            window = (0, 0, 0, 0)
        else:
            window = (max(x0 - 2, 0), max(y0 - 2, 0), min(x1 + 2, camera.width), min(y1 + 2, camera.height))
        return surface_view(self._body, self._blocker, camera, window, exact=False), window


def surface_view(
    body: RayMesh,
    blocker: RayMesh | None,
    camera: Camera,
    window: Window | None = None,
    exact: bool = True,
) -> SurfaceView:
    """`render_surface` for one camera, with search trees that are built already.

    Args:
        body: The mesh.
        blocker: What may hide it.
        camera: The camera.
        window: The part of the image to return, which must contain the body; None: the whole image.
        exact: See `RayMesh.cast`.
    """
    left, top, right, bottom = window or (0, 0, camera.width, camera.height)
    shape = (bottom - top, right - left)
    face = np.full(shape, -1, dtype=np.int32)
    bary = np.zeros((*shape, 3), dtype=np.float32)
    depth = np.full(shape, np.inf, dtype=np.float32)
    visible = np.zeros(shape, dtype=bool)
    x0, y0, x1, y1 = projected_box(body.vertices, camera)
    if x1 > x0 and y1 > y0:
        rows, cols = np.nonzero(footprint(body.vertices, body.faces, camera, (x0, y0, x1, y1)))
        rows, cols = rows + y0, cols + x0
        rays = rays_at(camera, cols + 0.5, rows + 0.5)
        if not camera.is_pinhole:  # a lens with strong distortion may not reach the corners
            seen = np.isfinite(rays).all(axis=-1)
            rows, cols, rays = rows[seen], cols[seen], rays[seen]
        hits = body.cast(camera.center_world, rays, exact)
        hit = np.flatnonzero((hits.face >= 0) & (hits.distance > 0))
        rows, cols, distance = rows[hit] - top, cols[hit] - left, hits.distance[hit]
        face[rows, cols], bary[rows, cols], depth[rows, cols] = hits.face[hit], hits.bary[hit], distance
        free: np.ndarray | bool = True
        if blocker is not None and len(hit):
            free = blocker.cast(camera.center_world, rays[hit]).distance >= distance
        visible[rows, cols] = free
    return SurfaceView(face, bary, depth, visible)


def pixel_rays(camera: Camera, window: Window) -> Float[np.ndarray, "N 3"]:
    """World directions through the pixel centres of `window` (x0, y0, x1, y1), row by row, with z_cam = 1."""
    x0, y0, x1, y1 = window
    x, y = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
    return rays_at(camera, x.ravel(), y.ravel())


def rays_at(
    camera: Camera, x: Float[np.ndarray, " N"], y: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "N 3"]:
    """World directions through pixels (x, y), with z_cam = 1; NaN where the lens model does not reach."""
    turn = camera.R_cam_world.T
    if camera.is_pinhole:
        turn = turn @ np.linalg.inv(camera.K)
    else:
        x, y = camera.normalized(np.stack([x, y], axis=-1)).T
    # sums of columns: a matrix product of so few columns takes five times as long
    return np.stack([x * a + (y * b + c) for a, b, c in turn], axis=-1)


def projected_box(points_world: Float[np.ndarray, "N 3"], camera: Camera) -> Window:
    """Window of whole pixels inside the image that contains projected points.

    Args:
        points_world: (N, 3) metres.
        camera: The camera.

    Returns:
        (x0, y0, x1, y1), empty if x1 <= x0. The whole image if some points are behind the camera or beyond the lens
        model, empty if all are.
    """
    z = points_world @ camera.R_cam_world[2] + camera.t_cam_world[2]
    if (z <= 0).all():
        return (0, 0, 0, 0)
    xy = camera.project(points_world)
    if not np.isfinite(xy).all():
        return (0, 0, camera.width, camera.height)
    # half a pixel of slack: a centre up to 0.5 px from the outline's extreme point may lie inside
    low, high = np.floor(xy.min(axis=0) - 0.5), np.ceil(xy.max(axis=0) + 0.5)
    x0, x1 = np.clip([low[0], high[0]], 0, camera.width).astype(int)
    y0, y1 = np.clip([low[1], high[1]], 0, camera.height).astype(int)
    return (int(x0), int(y0), int(x1), int(y1))


def merged(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one."""
    for i, mesh in enumerate(meshes):
        if len(mesh) != 2 or np.ndim(mesh[0]) != 2 or np.ndim(mesh[1]) != 2:
            raise InputError(
                "occluders as (vertices, faces)", f"occluder {i}: {type(mesh)}", "pass pairs of arrays"
            )
    starts = np.cumsum([0, *(len(v) for v, _ in meshes)])
    faces = [np.asarray(f, dtype=np.int64) + start for (_, f), start in zip(meshes, starts, strict=False)]
    return np.concatenate([np.asarray(v, dtype=np.float64) for v, _ in meshes]), np.concatenate(faces)
