"""Baselines on the same proxies: triangulated sparse joints, then a body; or `smplfitter` on points."""

from __future__ import annotations

import copy
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from diffproxy.body import BodyModel, BodyParams
from diffproxy.body.files import read_body_file
from diffproxy.body.model import PACKAGED
from diffproxy.fitting.pose_statistics import pose_penalty
from diffproxy.fitting.rays import pixel_rays
from diffproxy.fitting.terms.correspondences import Correspondences, sample_correspondences
from diffproxy.geometry.procrustes import align_points
from diffproxy.geometry.triangulation import intersect_rays
from diffproxy.proxies import ProxyMaps

JOINTS = (0, 1, 2, 4, 5, 7, 8, 12, 15, 16, 17, 18, 19, 20, 21)
"""The body joints that 2D detectors have (COCO and BODY_25), in SMPL-X numbering."""


@lru_cache(maxsize=1)
def _double(body: BodyModel) -> BodyModel:
    return copy.deepcopy(body).to(torch.float64)  # type: ignore[no-any-return]


def detected(joints: np.ndarray, maps: ProxyMaps, noise_px: float, rng: np.random.Generator) -> np.ndarray:
    """What a detector of `noise_px` would say: the true joints projected into every body view (V, 15, 2)."""
    cameras = [c for c, kind in zip(maps.cameras, maps.kind, strict=True) if kind == "body"]
    pixels = np.stack([c.project(joints[list(JOINTS)].astype(np.float64)) for c in cameras])
    return pixels + noise_px * rng.normal(size=pixels.shape)


def sparse_fit(body: BodyModel, maps: ProxyMaps, pixels: np.ndarray) -> BodyParams | None:
    """Triangulate every joint, then pose and shape by least squares under the pose prior; None with one view.

    In the manner of EasyMocap: linear triangulation, then first the place, then pose and shape, on 3D joints.
    """
    if len(pixels) < 2:
        return None
    cameras = tuple(c for c, kind in zip(maps.cameras, maps.kind, strict=True) if kind == "body")
    target = np.empty((len(JOINTS), 3))
    for j in range(len(JOINTS)):
        rays = pixel_rays(cameras, np.arange(len(cameras)), pixels[:, j])
        target[j] = intersect_rays(rays.origin, rays.direction)
    penalty = pose_penalty()
    roots = np.linalg.cholesky(penalty.precision)
    rest = body.joints(BodyParams.rest(1))[0].numpy()[list(JOINTS)].astype(np.float64)
    R = align_points(rest, target, with_scale=False).R

    def params(x: torch.Tensor) -> BodyParams:
        return BodyParams.rest(1, dtype=x.dtype).replace(
            global_orient=x[None, :3], body_pose=x[None, 3:66], betas=x[None, 66:76], transl=x[None, 76:79]
        )

    wide = _double(body)
    root = torch.from_numpy(np.swapaxes(roots, 1, 2)[1:].copy())
    mean, goal = torch.from_numpy(penalty.mean[1:].copy()), torch.from_numpy(target)

    def residual(x: torch.Tensor) -> torch.Tensor:
        joints = wide.joints(params(x))[0, list(JOINTS)]
        pose = (root @ (x[3:66].reshape(21, 3) - mean)[..., None]).flatten()
        return torch.cat([((joints - goal) / 0.01).flatten(), pose, x[66:76]])

    from scipy.spatial.transform import Rotation

    x0 = np.zeros(79)
    x0[:3], x0[3:66] = Rotation.from_matrix(R).as_rotvec(), penalty.mean[1:].ravel()
    x0[76:] = target.mean(0) - wide.joints(params(torch.from_numpy(x0)))[0, list(JOINTS)].mean(0).numpy()

    def value(x: np.ndarray) -> np.ndarray:
        return residual(torch.from_numpy(x)).numpy()

    def jacobian(x: np.ndarray) -> np.ndarray:
        return torch.autograd.functional.jacobian(residual, torch.from_numpy(x), vectorize=True).numpy()

    found = least_squares(value, x0, jac=jacobian, max_nfev=30)
    return params(torch.from_numpy(found.x).float())


def triangulated_vertices(body: BodyModel, maps: ProxyMaps) -> tuple[np.ndarray, np.ndarray]:
    """Vertices met by pixels of at least two views (Nv, 3; NaN elsewhere), and how many views each."""
    found: Correspondences = sample_correspondences(maps, body, 8000, hands=False)
    faces = body.faces.numpy()[found.face]
    vertex = faces[np.arange(len(faces)), found.bary.argmax(-1)]
    near = found.bary.max(-1) > 0.5
    rays = pixel_rays(maps.cameras, found.view, found.pixel)
    count = len(body.v_template)
    points, views = np.full((count, 3), np.nan), np.zeros(count)
    order = np.argsort(vertex[near], kind="stable")
    rows = np.flatnonzero(near)[order]
    for group in np.split(rows, np.flatnonzero(np.diff(vertex[rows])) + 1):
        seen = len(np.unique(found.view[group]))
        if seen > 1:
            points[vertex[group[0]]], views[vertex[group[0]]] = (
                intersect_rays(rays.origin[group], rays.direction[group]),
                seen,
            )
    return points, views


@lru_cache(maxsize=1)
def smplfitter_of(body: BodyModel) -> Any:
    """A fitter of the package for our body, which it reads from a file in SMPL-X's own layout."""
    from smplfitter.np import BodyFitter
    from smplfitter.np import BodyModel as Theirs

    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        eye = BodyParams.rest(11).replace(betas=torch.eye(11, 10))
        joints = body.rest_joints(eye).numpy()
        v = body.v_template.numpy()
        np.savez(
            Path(folder) / "SMPLX_NEUTRAL.npz",
            v_template=v,
            shapedirs=body.shapedirs[..., :10].numpy(),
            posedirs=np.zeros((*v.shape, 486), np.float32)
            if body.posedirs is None
            else body.posedirs.numpy(),
            J_regressor=read_body_file(PACKAGED["anny"]).J_regressor,
            J_template=joints[10],
            J_shapedirs=np.moveaxis(joints[:10] - joints[10], 0, -1),
            weights=body.weights.numpy(),
            f=body.faces.numpy().astype(np.int32),
            kintree_table=np.stack([np.array([max(int(p), -1) for p in body.parents]), np.arange(55)]),
        )
        np.save(Path(folder) / "kid_template.npy", np.zeros_like(v))
        return BodyFitter(Theirs("smplx", "neutral", folder, num_betas=10))


def smplfitter_fit(body: BodyModel, maps: ProxyMaps) -> BodyParams | None:
    """The package on triangulated vertices; vertices that no two views share take the place of the nearest that do."""
    points, views = triangulated_vertices(body, maps)
    known = views > 1
    if known.sum() < 50:
        return None
    rest = body.v_template.numpy()
    near = np.flatnonzero(known)[cKDTree(rest[known]).query(rest)[1]]
    offset = rest - rest[near]
    filled = np.where(known[:, None], points, points[near] + offset).astype(np.float32)
    weights = np.where(known, 1.0, 1e-3).astype(np.float32)
    found = smplfitter_of(body).fit(
        filled[None],
        vertex_weights=weights[None],
        num_iter=3,
        requested_keys=("pose_rotvecs", "shape_betas", "trans"),
    )
    pose = torch.as_tensor(np.asarray(found["pose_rotvecs"]).reshape(1, 165), dtype=torch.float32)
    betas = torch.as_tensor(np.asarray(found["shape_betas"]).reshape(1, -1)[:, :10], dtype=torch.float32)
    trans = torch.as_tensor(np.asarray(found["trans"]).reshape(1, 3), dtype=torch.float32)
    return BodyParams.rest(1).replace(betas=betas, transl=trans, **BodyParams.split_full_pose(pose))
