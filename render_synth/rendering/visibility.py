"""Visibility at pixel centres by ray casting: body, clothes, other people, objects, depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from diffproxy.body.names import NUM_BODY_JOINTS
from diffproxy.cameras import Camera
from diffproxy.proxies.raycast import RayMesh
from diffproxy.proxies.surface import SurfaceView, pixel_rays, projected_box, surface_view

Triangles = tuple[Float[np.ndarray, "_ 3"], Int[np.ndarray, "_ 3"]]  # several in one list, each its own size
OBJECT, SUBJECT, FIRST_OTHER = 0, 1, 2  # values in a mask; the i-th other person has FIRST_OTHER + i


@dataclass(frozen=True)
class Seen:
    """One view. `surface`: the bare body, visible where nothing but the subject's own clothes is in front of it.

    `mask`: 0 background, 1 the subject with clothes, 2 and up other people. `depth`: z of what is seen (metres).
    """

    surface: SurfaceView
    mask: UInt8[np.ndarray, "H W"]
    depth: Float[np.ndarray, "H W"]


class Layers:
    """Ray casters for the subject's bare body, its clothes, and everything else."""

    def __init__(
        self, body: Triangles, worn: list[Triangles], others: list[list[Triangles]], things: list[Triangles]
    ):
        """`others`: one list of meshes per person. Meshes without triangles are left out."""
        self.body = RayMesh(*body)
        self.worn = _merged(worn)
        self.people = [[body, *worn], *others]
        groups = [(OBJECT, m) for m in things]
        groups += [(FIRST_OTHER + i, m) for i, person in enumerate(others) for m in person]
        groups = [(value, m) for value, m in groups if len(m[1])]
        self.around = _merged([m for _, m in groups])
        counts = [len(m[1]) for _, m in groups]
        # One more at the end, for the face number -1 of rays that hit nothing.
        self.value = np.repeat([v for v, _ in groups] + [OBJECT], [*counts, 1]).clip(0, 255).astype(np.uint8)

    def see(self, camera: Camera) -> Seen:
        """Cast a ray per pixel centre; clothes count as the subject, and hide nothing of the body."""
        shape = (camera.height, camera.width)
        rays = pixel_rays(camera, (0, 0, camera.width, camera.height))
        depth = np.full(shape, np.inf, np.float32).ravel()
        mask = np.zeros(shape, np.uint8).ravel()
        if self.around is not None:
            hits = self.around.cast(camera.center_world, rays, exact=False)
            depth, mask = hits.distance.astype(np.float32), self.value[hits.face]
        surface = surface_view(self.body, None, camera)
        visible = surface.outline & (surface.depth.ravel() <= depth).reshape(shape)
        nearest = surface.depth.ravel().copy()
        if self.worn is not None:
            x0, y0, x1, y1 = projected_box(self.worn.vertices, camera)
            window = np.zeros(shape, bool)
            window[y0:y1, x0:x1] = True
            at = np.flatnonzero(window)
            worn = self.worn.cast(camera.center_world, rays[at], exact=False)
            nearest[at] = np.minimum(nearest[at], worn.distance)
        # Where the body is nearer than what is around, the label says so: the mask must agree.
        mine = (np.isfinite(nearest) & (nearest <= depth)) | visible.ravel()
        mask = np.where(mine, SUBJECT, mask).reshape(shape)
        depth = np.minimum(depth, nearest).reshape(shape)
        return Seen(replace(surface, visible=visible), mask, depth)

    @cached_property
    def _each(self) -> list[RayMesh | None]:
        return [_merged(person) for person in self.people]

    def silhouettes(self, camera: Camera) -> Iterator[Bool[np.ndarray, "H W"]]:
        """Pixels of each person with clothes, the subject first, as if nothing were in front of them."""
        shape = (camera.height, camera.width)
        rays = pixel_rays(camera, (0, 0, camera.width, camera.height)).reshape(*shape, 3)
        for mesh in self._each:
            out = np.zeros(shape, bool)
            if mesh is not None:
                x0, y0, x1, y1 = projected_box(mesh.vertices, camera)
                window = rays[y0:y1, x0:x1]
                hit = mesh.cast(camera.center_world, window.reshape(-1, 3), exact=False).face >= 0
                out[y0:y1, x0:x1] = hit.reshape(window.shape[:2])
            yield out


def shares_seen(
    layers: Layers,
    mask: UInt8[np.ndarray, "H W"],
    camera: Camera,
    joints: Sequence[Float[np.ndarray, "_ 3"]],
) -> tuple[list[float], list[float]]:
    """How much of each person a view shows, the subject first.

    Args:
        layers: Everything in the scene.
        mask: As `Layers.see` gives it for this camera.
        camera: Of the view.
        joints: Of each person, metres; the first `NUM_BODY_JOINTS` count.

    Returns:
        Shares of the silhouettes inside of the frame that nothing else hides (0 where there is none), and shares of
        the body's joints inside of the frame.
    """
    visible = []
    for value, silhouette in enumerate(layers.silhouettes(camera), start=SUBJECT):
        visible.append(float((silhouette & (mask == value)).sum() / max(silhouette.sum(), 1)))
    pixels = np.stack([camera.project(np.asarray(j[:NUM_BODY_JOINTS], np.float64)) for j in joints])
    inside = ((pixels >= 0) & (pixels < [camera.width, camera.height])).all(-1)  # false for NaN, too
    return visible, [float(share) for share in inside.mean(1)]


def coverage(surface: SurfaceView) -> UInt8[np.ndarray, "H W"]:
    """Per pixel: 0 no body, 1 the body (perhaps under its own clothes), 2 body behind an object or another person."""
    from diffproxy.datasets.extras import COVERED, NO_BODY, VISIBLE

    return np.where(surface.outline, np.where(surface.visible, VISIBLE, COVERED), NO_BODY).astype(np.uint8)


def camera_normals(
    surface: SurfaceView,
    faces: Int[np.ndarray, "Nf 3"],
    normals: Float[np.ndarray, "Nv 3"],
    camera: Camera,
) -> Float[np.ndarray, "H W 3"]:
    """Unit normals of the body in the camera's frame, interpolated from `normals` at its vertices; 0 off the body."""
    out = np.zeros((*surface.face.shape, 3), np.float32)
    on: Bool[np.ndarray, "H W"] = surface.outline
    world = np.einsum("nc,ncd->nd", surface.bary[on], normals[faces[surface.face[on]]])
    world /= np.maximum(np.linalg.norm(world, axis=1, keepdims=True), 1e-9)
    out[on] = world @ camera.R_cam_world.T
    return out


def _merge(meshes: list[Triangles]) -> Triangles | None:
    meshes = [m for m in meshes if len(m[1])]
    if not meshes:
        return None
    starts = np.cumsum([0] + [len(v) for v, _ in meshes[:-1]])
    faces = [np.asarray(f, np.int64) + start for (_, f), start in zip(meshes, starts, strict=True)]
    return np.concatenate([np.asarray(v, np.float64) for v, _ in meshes]), np.concatenate(faces)


def _merged(meshes: list[Triangles]) -> RayMesh | None:
    merged = _merge(meshes)
    return None if merged is None else RayMesh(*merged)
