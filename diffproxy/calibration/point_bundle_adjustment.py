"""Bundle adjustment over 2D keypoints with free 3D points, run where the detector is more precise than proxies.

The joints of a body model and of a keypoint detector differ a little, which biases cameras that are fitted through the
body. Here every keypoint of every frame is a 3D point of its own, seen by two cameras or more. The similarity of the
whole rig, which points leave undetermined, is kept from the body fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from diffproxy.calibration.body_bundle_adjustment import Bundle
from diffproxy.calibration.camera_parameters import RigState
from diffproxy.geometry.levenberg_marquardt import Propose, minimize
from diffproxy.geometry.procrustes import align_frames
from diffproxy.geometry.rotations import to_matrix
from diffproxy.geometry.so3 import left_jacobian
from diffproxy.geometry.triangulation import intersect_rays_by_group
from diffproxy.keypoints.keypoint_table import DETECTOR_STD

MAX_RAY_DISTANCE = 0.25
"""Metres; rays that miss their point by more than this at the start belong to another person or the other body side."""
ITERATIONS, TOLERANCE = 30, 1e-6
SCALES = 16.0, 2.0
"""Of the Cauchy kernel, standard deviations of the detector: first coarse, then that of the noise."""
MIN_SHARED_POINTS = 40
"""Minimum number of points that a camera shares with others."""

Unknowns = tuple[np.ndarray, np.ndarray]
"""Steps of the cameras (C, 7) and points (P, 3)."""


@dataclass(frozen=True)
class Sightings:
    """N keypoints in images.

    Attributes:
        camera: Row of its camera in the rig.
        point: Number of the 3D point that it shows.
        xy: Ideal coordinates: pixels from the principal point, over the focal length.
        weight: Confidence.
    """

    camera: Int[np.ndarray, " N"]
    point: Int[np.ndarray, " N"]
    xy: Float[np.ndarray, "N 2"]
    weight: Float[np.ndarray, " N"]

    def select(self, kept: Bool[np.ndarray, " N"]) -> Sightings:
        """Some of them, with their points numbered anew."""
        _, point = np.unique(self.point[kept], return_inverse=True)
        return Sightings(self.camera[kept], point, self.xy[kept], self.weight[kept])


@dataclass(frozen=True)
class LinearModel:
    """Residuals in standard deviations and their derivatives.

    Attributes:
        residuals: Of each sighting.
        by_camera: By the step of its camera: rotation, shift, log focal length.
        by_point: By its point.
        prior_weight: Inverse deviations of a camera's step.
    """

    residuals: Float[np.ndarray, "N 2"]
    by_camera: Float[np.ndarray, "N 2 7"]
    by_point: Float[np.ndarray, "N 2 3"]
    prior_weight: Float[np.ndarray, "7"]

    def robust(self, scale: float) -> LinearModel:
        """The model reweighted by the Cauchy loss of that scale."""
        root = 1 / np.sqrt(1 + np.square(self.residuals).sum(1) / scale**2)
        rows = (self.residuals * root[:, None], self.by_camera * root[:, None, None])
        return LinearModel(*rows, self.by_point * root[:, None, None], self.prior_weight)


def adjust_points(bundle: Bundle, rig: RigState, focal_std: float = 0.0) -> RigState | None:
    """Poses (with `focal_std`: and focal lengths) from keypoints alone, started at `rig`; None if they are too few."""
    seen = _sightings(bundle, rig)
    if not len(seen.camera):
        return None
    R0, c0 = rig.R_cam_world.numpy(), rig.center.numpy()
    x0 = _intersect(seen, R0, c0)
    near = _ray_distance(x0, seen, R0, c0) < MAX_RAY_DISTANCE
    near &= np.bincount(seen.point[near], minlength=len(x0))[seen.point] >= 2
    if (np.bincount(seen.camera[near], minlength=len(rig)) < MIN_SHARED_POINTS).any():
        return None
    seen = seen.select(near)
    x0 = _intersect(seen, R0, c0)
    depth = np.maximum(np.einsum("ni,ni->n", R0[seen.camera][:, 2], x0[seen.point] - c0[seen.camera]), 0.1)
    unit = np.sqrt(seen.weight) * depth / DETECTOR_STD  # ideal coordinates to standard deviations
    linear = partial(_linear, R0=R0, c0=c0, seen=seen, unit=unit, focal_std=focal_std)

    def cost(at: Unknowns, scale: float) -> float:
        model = linear(at)
        return _cost(model.residuals, at[0] * model.prior_weight, scale)

    def linearize(at: Unknowns, scale: float) -> Propose[Unknowns]:
        model = linear(at).robust(scale)

        def propose(damping: float) -> Unknowns:
            turned, moved = _step(model, seen, at[0], damping)
            return at[0] + turned, at[1] + moved

        return propose

    at: Unknowns = np.zeros((len(rig), 7)), x0
    for scale in SCALES:
        at = minimize(
            at, partial(cost, scale=scale), partial(linearize, scale=scale), ITERATIONS, TOLERANCE
        ).state
    step = at[0]
    R = to_matrix(step[:, :3]) @ R0
    return _align_with_start(R, c0 + step[:, 3:6], rig.log_focal.numpy() + step[:, 6], R0, c0)


def _cost(r: np.ndarray, pull: np.ndarray, scale: float) -> float:
    return float(scale**2 * np.log1p(np.square(r).sum(1) / scale**2).sum() + np.square(pull).sum())


def _step(model: LinearModel, seen: Sightings, step: np.ndarray, damping: float) -> Unknowns:
    """The damped Gauss-Newton step of cameras (C, 7) and points (P, 3); points are eliminated first."""
    camera, point, prior_weight = seen.camera, seen.point, model.prior_weight
    r, by_camera, by_point = model.residuals, model.by_camera, model.by_point
    count, points = len(step), int(point.max()) + 1
    cc, gc = np.zeros((count, 7, 7)), np.zeros((count, 7))
    pp, gp = np.zeros((points, 3, 3)), np.zeros((points, 3))
    cp = np.zeros((count, points, 7, 3))
    np.add.at(cc, camera, np.einsum("nki,nkj->nij", by_camera, by_camera))
    np.add.at(gc, camera, np.einsum("nki,nk->ni", by_camera, r))
    np.add.at(pp, point, np.einsum("nki,nkj->nij", by_point, by_point))
    np.add.at(gp, point, np.einsum("nki,nk->ni", by_point, r))
    np.add.at(cp, (camera, point), np.einsum("nki,nkj->nij", by_camera, by_point))
    cc += np.diag(prior_weight**2)
    gc += step * prior_weight**2
    cc += damping * cc * np.eye(7)
    pp += (damping * pp + 1e-9) * np.eye(3)
    W = np.linalg.solve(pp[None], np.swapaxes(cp, 2, 3))  # (C, P, 3, 7)
    S = -np.einsum("aPik,bPkj->aibj", cp, W)
    S[np.arange(count), :, np.arange(count)] += cc
    w = np.linalg.solve(pp, gp[..., None])[..., 0]
    s = gc - np.einsum("aPik,Pk->ai", cp, w)
    move = -np.linalg.solve(S.reshape(7 * count, -1), s.ravel()).reshape(count, 7)
    return move, -w - np.einsum("aPki,ai->Pk", W, move)


def _linear(
    at: Unknowns, R0: np.ndarray, c0: np.ndarray, seen: Sightings, unit: np.ndarray, focal_std: float
) -> LinearModel:
    """The model around a state; `unit` (N,) turns ideal coordinates into standard deviations.

    A state holds rotation vectors on top of R0, shifts of c0, and changes of the log focal length, then the points. A
    weak prior on each camera keeps the rig as a whole, which points cannot fix, where it was.
    """
    (step, x), camera, point = at, seen.camera, seen.point
    n = len(camera)
    R = to_matrix(step[:, :3]) @ R0
    local = np.einsum("nij,nj->ni", R[camera], x[point] - (c0 + step[:, 3:6])[camera])
    z = np.maximum(local[:, 2], 0.05)
    focal_scale = np.exp(step[camera, 6])
    projected = local[:, :2] / z[:, None] * focal_scale[:, None]
    rows = np.zeros((n, 2, 3))
    rows[:, 0, 0] = rows[:, 1, 1] = focal_scale / z
    rows[:, :, 2] = -projected / z[:, None]
    rows *= unit[:, None, None]
    by_translation = np.einsum("nki,nij->nkj", rows, R[camera])
    # a turn about the camera's axes at this rotation; of the rotation vector itself by its left Jacobian
    by_rotation = np.cross(local[:, None], rows) @ _left_jacobian(step[:, :3])[camera]
    by_log_focal = (projected * unit[:, None])[..., None] * (focal_std > 0)
    prior_weight = np.array([1.0, 1.0, 1.0, 1 / 3, 1 / 3, 1 / 3, 1 / focal_std if focal_std > 0 else 1.0])
    return LinearModel(
        (projected - seen.xy) * unit[:, None],
        np.concatenate([by_rotation, -by_translation, by_log_focal], -1),
        by_translation,
        prior_weight,
    )


def _left_jacobian(rotvec: np.ndarray) -> np.ndarray:
    return left_jacobian(torch.as_tensor(rotvec)).numpy()


def _sightings(bundle: Bundle, rig: RigState) -> Sightings:
    """Every keypoint; those of one name in one frame are one point."""
    camera, point, xy, weight = [], [], [], []
    for f, frame in enumerate(bundle.frames):
        own = np.flatnonzero(~np.isnan(frame.sigma))
        K = np.stack([c.K for c in frame.cameras])[frame.found.view[own]]
        c = frame.camera_of_map[frame.found.view[own]]
        focal_scale = np.exp(rig.log_focal.numpy()[c])
        pixel = frame.found.pixel[own] - K[:, :2, 2]
        camera.append(c)
        point.append(frame.found.face[own] + f * 10**7)
        xy.append(pixel / (K[:, [0, 1], [0, 1]] * focal_scale[:, None]))
        weight.append(frame.found.weight[own])
    _, index = np.unique(np.concatenate(point), return_inverse=True)
    return Sightings(np.concatenate(camera), index, np.concatenate(xy), np.concatenate(weight))


def _intersect(seen: Sightings, R: np.ndarray, c: np.ndarray) -> Float[np.ndarray, "P 3"]:
    """Least-squares intersections of the rays of each point."""
    d = np.einsum("nji,nj->ni", R[seen.camera], np.column_stack([seen.xy, np.ones(len(seen.xy))]))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    return intersect_rays_by_group(c[seen.camera], d, seen.point)


def _ray_distance(
    x: Float[np.ndarray, "P 3"], seen: Sightings, R: np.ndarray, c: np.ndarray
) -> Float[np.ndarray, " N"]:
    """Distance of each sighting's point to its ray, metres; infinite behind the camera."""
    local = np.einsum("nij,nj->ni", R[seen.camera], x[seen.point] - c[seen.camera])
    e = np.linalg.norm(local[:, :2] - seen.xy * local[:, 2:], axis=1)
    return np.where(local[:, 2] > 0.1, e, np.inf)


def _align_with_start(
    R: np.ndarray, c: np.ndarray, log_focal: np.ndarray, R0: np.ndarray, c0: np.ndarray
) -> RigState:
    """The rig after the similarity that aligns it with its earlier state."""
    a = align_frames(R, c, R0, c0)
    center = a.apply(c)
    return RigState(torch.as_tensor(R @ a.R.T), torch.as_tensor(center), torch.as_tensor(log_focal))
