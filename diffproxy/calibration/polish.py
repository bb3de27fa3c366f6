"""Cameras from keypoints as free points: the last word where proxies are coarser than a detector.

A body model ties keypoints together by bones whose meaning differs a little from the detector's, and coarse proxies
pull at it. Here every keypoint of every frame is a point of its own, seen by two cameras or more: classical bundle
adjustment. Turn, place and size of the rig as a whole, which points cannot tell, stay those of the body's.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix
from scipy.spatial.transform import Rotation

from diffproxy.calibration.bundle import Bundle
from diffproxy.calibration.cameras_state import RigState
from diffproxy.keypoints.rows import DETECTOR_STD

FAR = 0.25
"""Metres; rays that pass their point by more than this at the start are somebody else's, or the other side's."""
ENOUGH = 40
"""Points that a camera must share with others."""


def polish(bundle: Bundle, rig: RigState, focal_std: float = 0.0) -> RigState | None:
    """Poses (with `focal_std`: and focal lengths) from keypoints alone, started at `rig`; None if they are too few."""
    camera, point, xy, focal, weight = _rows(bundle, rig)
    count = len(rig)
    if not len(camera):
        return None
    R0, c0 = rig.R_cam_world.numpy(), rig.center.numpy()
    x0 = _meet(camera, point, xy, R0, c0)
    keep = _miss(x0[point], camera, xy, R0, c0) < FAR
    seen = np.bincount(point[keep], minlength=len(x0))
    keep &= seen[point] >= 2
    if (np.bincount(camera[keep], minlength=count) < ENOUGH).any():
        return None
    camera, xy, focal, weight = camera[keep], xy[keep], focal[keep], weight[keep]
    used, point = np.unique(point[keep], return_inverse=True)
    x0 = _meet(camera, point, xy, R0, c0)
    depth = np.maximum(np.einsum("ni,ni->n", R0[camera][:, 2], x0[point] - c0[camera]), 0.1)
    unit = np.sqrt(weight) * depth / DETECTOR_STD  # ideal coordinates to standard deviations
    size = 7 * count

    def residuals(v: np.ndarray) -> np.ndarray:
        step = v[:size].reshape(count, 7)
        R = Rotation.from_rotvec(step[:, :3]).as_matrix() @ R0
        c = c0 + step[:, 3:6]
        x = np.einsum("nij,nj->ni", R[camera], v[size:].reshape(-1, 3)[point] - c[camera])
        e = x[:, :2] / np.maximum(x[:, 2:], 0.05) * np.exp(step[camera, 6:]) - xy
        # the rig as a whole may not wander: a faint pull to where it was
        hold = np.concatenate([step[:, :3].ravel() / 1.0, step[:, 3:6].ravel() / 3.0])
        return np.concatenate([(e * unit[:, None]).ravel(), hold, step[:, 6] / max(focal_std, 1e-6)])

    rows = 2 * len(camera)
    pattern = lil_matrix((rows + size, size + 3 * len(used)), dtype=np.int8)
    for k in range(len(camera)):
        pattern[2 * k : 2 * k + 2, 7 * camera[k] : 7 * camera[k] + 7] = 1
        pattern[2 * k : 2 * k + 2, size + 3 * point[k] : size + 3 * point[k] + 3] = 1
    pattern[rows:, :size] = 1
    start = np.concatenate([np.zeros(size), x0.ravel()])
    found = least_squares(
        residuals,
        start,
        jac_sparsity=pattern,
        loss="cauchy",
        f_scale=2.0,
        x_scale="jac",
        max_nfev=60,
        tr_solver="lsmr",
    )
    step = found.x[:size].reshape(count, 7)
    if not np.isfinite(step).all():
        return None
    R = Rotation.from_rotvec(step[:, :3]).as_matrix() @ R0
    return _as_before(R, c0 + step[:, 3:6], rig.zoom.numpy() + step[:, 6], R0, c0)


def _rows(bundle: Bundle, rig: RigState) -> tuple[np.ndarray, ...]:
    """Camera, point (frame and name), ideal coordinates, focal length, and confidence of every keypoint."""
    camera, point, xy, focal, weight = [], [], [], [], []
    for f, frame in enumerate(bundle.frames):
        own = np.flatnonzero(~np.isnan(frame.sigma))
        K = np.stack([c.K for c in frame.cameras])[frame.found.view[own]]
        c = frame.camera_of_map[frame.found.view[own]]
        zoom = np.exp(rig.zoom.numpy()[c])
        pixel = frame.found.pixel[own] - K[:, :2, 2]
        camera.append(c)
        point.append(frame.found.face[own] + f * 10**7)
        xy.append(pixel / (K[:, [0, 1], [0, 1]] * zoom[:, None]))
        focal.append(K[:, 0, 0] * zoom)
        weight.append(frame.found.weight[own])
    _, index = np.unique(np.concatenate(point), return_inverse=True)
    return np.concatenate(camera), index, np.concatenate(xy), np.concatenate(focal), np.concatenate(weight)


def _meet(
    camera: np.ndarray, point: np.ndarray, xy: np.ndarray, R: np.ndarray, c: np.ndarray
) -> Float[np.ndarray, "P 3"]:
    """Least-squares intersections of the rays of each point."""
    d = np.einsum("nji,nj->ni", R[camera], np.column_stack([xy, np.ones(len(xy))]))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    across = np.eye(3) - d[:, :, None] * d[:, None]
    A, b = np.zeros((point.max() + 1, 3, 3)), np.zeros((point.max() + 1, 3))
    np.add.at(A, point, across)
    np.add.at(b, point, np.einsum("nij,nj->ni", across, c[camera]))
    return np.linalg.solve(A + 1e-6 * np.eye(3), b[..., None])[..., 0]


def _miss(
    x: np.ndarray, camera: np.ndarray, xy: np.ndarray, R: np.ndarray, c: np.ndarray
) -> Float[np.ndarray, "N"]:
    """How far points (one for each row) pass by their rays, metres; infinite behind the camera."""
    local = np.einsum("nij,nj->ni", R[camera], x - c[camera])
    e = np.linalg.norm(local[:, :2] - xy * local[:, 2:], axis=1)
    return np.where(local[:, 2] > 0.1, e, np.inf)


def _as_before(R: np.ndarray, c: np.ndarray, zoom: np.ndarray, R0: np.ndarray, c0: np.ndarray) -> RigState:
    """The rig laid on its earlier self as a whole: turned, shifted and sized."""
    u, _, vt = np.linalg.svd(np.einsum("nji,njk->ik", R0, R))
    T = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    p, q = c @ T.T, c0
    p0, q0 = p - p.mean(0), q - q.mean(0)
    s = float((p0 * q0).sum() / max((p0 * p0).sum(), 1e-12))
    center = s * p0 + q.mean(0)
    return RigState(torch.as_tensor(R @ T.T), torch.as_tensor(center), torch.as_tensor(zoom))
