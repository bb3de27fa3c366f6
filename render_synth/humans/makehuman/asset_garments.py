"""One garment of an asset folder: bound to the body, split from its suit, with its texture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from diffproxy.geometry.meshes import vertex_normals
from render_synth.humans.body.anatomy import Anatomy
from render_synth.humans.makehuman.asset_files import read_image
from render_synth.humans.makehuman.base_mesh import base_vertices
from render_synth.humans.makehuman.garment_fitting import Binding, GarmentFitter, borders, head_weights
from render_synth.humans.makehuman.mhclo import Clo, read_mhclo, read_mhmat
from render_synth.humans.makehuman.obj_file import ObjMesh, read_obj
from render_synth.rendering.alpha_cutout import clip_triangles, cut_by_alpha

TEXELS = 288  # side of the table of texel places, on which patterns are painted


@dataclass(frozen=True)
class AssetGarment:
    """`kind`: top, bottom, suit, shoes, hat, hair, brows. Render vertices are `blend @ bound vertices`."""

    name: str
    kind: str
    licence: str
    binding: Binding
    hull: Int[np.ndarray, "H 3"]  # faces between bound vertices, for normals
    blend: sparse.csr_matrix  # (M, N)
    faces: Int[np.ndarray, "F 3"]  # between render vertices
    uv: Float[np.ndarray, "M 2"]
    hidden: Bool[np.ndarray, " Nc"]  # body vertices it covers
    image: UInt8[np.ndarray, "S T 3"] | None
    color: Float[np.ndarray, "3"]

    @cached_property
    def rest(self) -> Float[np.ndarray, "M 3"]:
        """Render vertices in the rest pose."""
        return np.asarray(self.blend @ self.binding.rest)

    @cached_property
    def texels(self) -> tuple[Bool[np.ndarray, "T T"], Float[np.ndarray, "K 3"], Float[np.ndarray, " K"]]:
        """Which texels show cloth, their rest positions, and the z of their normals: where patterns are painted."""
        from diffproxy.proxies.raycast import RayMesh

        inside = self.uv % 1 if (self.uv.min() < 0 or self.uv.max() > 1) else self.uv
        flat = np.concatenate([inside, np.zeros((len(inside), 1))], 1)
        grid = (np.arange(TEXELS) + 0.5) / TEXELS
        x, y = np.meshgrid(grid, 1 - grid)
        eye = np.array([0.5, 0.5, 1000.0])
        rays = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1) - eye
        hits = RayMesh(flat, self.faces).cast(eye, rays)
        on = hits.face >= 0
        corners = self.faces[hits.face[on]]
        bary = hits.bary[on][..., None]
        normals = vertex_normals(self.rest, self.faces)
        return (
            on.reshape(TEXELS, TEXELS),
            (self.rest[corners] * bary).sum(1).astype(np.float32),
            (normals[corners] * bary).sum(1)[:, 2],
        )

    @cached_property
    def detail(self) -> Float[np.ndarray, "S T 1"]:
        """Seams and creases of the image: its brightness over its surroundings', about 1."""
        import cv2

        if self.image is None:
            return np.ones((1, 1, 1), np.float32)
        grey = self.image.astype(np.float32).mean(2) / 255
        wide = cv2.blur(grey, (41, 41))
        return np.clip((grey + 0.05) / (wide + 0.05), 0.4, 1.6)[..., None]


def read_garments(
    path: Path, root: Path, kind: str, fitter: GarmentFitter, a: Anatomy, pixels: int
) -> list[AssetGarment]:
    """The garments of one `.mhclo`; suits whose shirt and trousers do not hang together come apart."""
    clo = read_mhclo(path, root)
    mesh = read_obj(clo.obj)
    points = clo.place(base_vertices()) / 10
    if len(points) != len(mesh.vertices):
        from diffproxy.utils.errors import InputError

        found = f"{path}: {len(points)} lines for {len(mesh.vertices)} vertices"
        raise InputError("one line per vertex of the mesh", found, "repair or remove this asset")
    material = read_mhmat(clo.material, root) if clo.material and clo.material.is_file() else None
    image = read_image(material.image, pixels) if material and material.image else None
    color = material.color if material else np.ones(3)
    if kind != "clothes":
        parts = [(kind, np.ones(len(points), bool))]
    elif "shoe" in clo.name.lower() or any("shoe" in t.lower() for t in clo.tags):
        parts = [("shoes", np.ones(len(points), bool))]
    elif points[:, 1].min() > 0.55:
        parts = [("hat", np.ones(len(points), bool))]
    else:
        parts = split_suit(points, mesh.faces)
    return [_piece(clo, mesh, points, name, own, image, color, fitter, a) for name, own in parts]


def split_suit(
    points: Float[np.ndarray, "N 3"], faces: Int[np.ndarray, "F 3"]
) -> list[tuple[str, Bool[np.ndarray, " N"]]]:
    """Connected parts as top and bottom by their heights on the base mesh; all one suit where a part is both."""
    n = len(points)
    a, b = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    count, label = connected_components(sparse.coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n)), False)
    top = np.zeros(n, bool)
    for part in range(count):
        own = label == part
        low, high = points[own, 1].min(), points[own, 1].max()
        if low < -0.3 and high > 0.35:
            return [("suit", np.ones(n, bool))]
        top |= own & (high > 0.25)
    return [(name, own) for name, own in (("top", top), ("bottom", ~top)) if own.any()]


def _piece(
    clo: Clo,
    mesh: ObjMesh,
    points: np.ndarray,
    kind: str,
    own: np.ndarray,
    image,
    color,
    fitter: GarmentFitter,
    a: Anatomy,
) -> AssetGarment:
    keep = own[mesh.faces].all(1)
    used, inverse = np.unique(mesh.faces[keep], return_inverse=True)
    hull, p = inverse.reshape(-1, 3), points[used]
    fine_like = {"hair": 3, "brows": 2, "hat": 1}
    binding = fitter.bind(p, hull, smooth=4)
    if kind in fine_like:
        weights = head_weights(binding.rest, a.joints)
        if kind != "hair":
            weights[:] = np.eye(55)[15]
        binding = fitter.bind(p, hull, weights=weights)
    corners = np.stack([mesh.faces[keep].ravel(), mesh.face_uv[keep].ravel()], 1)
    pairs, faces = np.unique(corners, axis=0, return_inverse=True)
    faces = faces.reshape(-1, 3)
    m = len(pairs)
    blend = sparse.csr_matrix(
        (np.ones(m, np.float32), (np.arange(m), np.searchsorted(used, pairs[:, 0]))), shape=(m, len(used))
    )
    uv = mesh.uv[pairs[:, 1]].astype(np.float32)
    if image is not None and image.shape[2] == 4:
        if kind in ("hair", "brows") and image[..., 3].min() < 128:
            alpha = image[..., 3:].astype(np.float32) / 255
            cut, faces = cut_by_alpha(blend @ p, uv, faces, alpha, 0.008 if kind == "hair" else 0.002, 0.4)
            blend, uv = (cut @ blend).tocsr(), np.asarray(cut @ uv, np.float32)
        image = np.ascontiguousarray(image[..., :3])
    hidden = np.zeros(len(fitter.template), bool)
    if len(clo.hidden):
        hidden = np.isin(a.body.extra["base_vertex"], clo.hidden) & covered(p, hull, fitter)
    return AssetGarment(
        f"{clo.name}", kind, clo.licence, binding, hull, blend, faces, uv, hidden, image, color
    )


def covered(
    p: Float[np.ndarray, "N 3"], hull: Int[np.ndarray, "H 3"], fitter: GarmentFitter
) -> Bool[np.ndarray, " Nc"]:
    """Body vertices (A-pose) under a part of a suit, away from its open edges."""
    near, at = cKDTree(p).query(fitter.base_body)
    open_edge = borders(hull, len(p))
    if not open_edge.any():
        return near < 0.06
    far = cKDTree(p[open_edge]).query(fitter.base_body)[0]
    return (near < 0.06) & ~open_edge[at] & (far > 0.015)


def clipped(garment: AssetGarment, over: Float[np.ndarray, " M"]) -> AssetGarment:
    """The garment where `over` (per render vertex) is positive: shorter sleeves, legs, hems."""
    cut, faces = clip_triangles(
        sparse.identity(len(over), format="csr", dtype=np.float32), garment.faces, over
    )
    if not len(faces):
        return garment
    return replace(
        garment, blend=(cut @ garment.blend).tocsr(), uv=np.asarray(cut @ garment.uv, np.float32), faces=faces
    )
