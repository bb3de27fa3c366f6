"""The problem of a bundle adjustment of cameras and a body model over several frames; `bundle_solver` solves it.

The cost is the fitter's own (robust reprojection of surface points in metres, its priors), with the cameras as further
unknowns. Pose and translation belong to a frame; cameras, betas and scale are shared. So the normal matrix is an arrow:
the frames' blocks are eliminated first (Schur complement), which leaves 7 unknowns per camera and 11 of the shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.calibration.camera_parameters import PER_CAMERA, RigState
from diffproxy.calibration.terms import SHARED, RigTerm
from diffproxy.cameras import Camera
from diffproxy.fitting.effective_sample_size import correlation_inflation
from diffproxy.fitting.noise import KERNEL_SIGMAS
from diffproxy.fitting.observations import subject_observations
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.state import BODY_JOINT_NUMBERS, Free, State
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.priors import Prior, prior_normal
from diffproxy.fitting.terms.reprojection import MIN_DEPTH, Noise, Reprojection
from diffproxy.geometry.robust import rayleigh_sigma

FREE = Free(BODY_JOINT_NUMBERS, betas=True, scale=True, transl=True)
POSE = 3 * len(BODY_JOINT_NUMBERS)


@dataclass(frozen=True)
class FrameObservations:
    """One frame: correspondences, its maps' cameras (for their intrinsics), and which of the rig each belongs to."""

    found: Correspondences
    cameras: tuple[Camera, ...]
    camera_of_map: np.ndarray
    center: Float[np.ndarray, "3"]
    """World metres; origin of this frame's computation (kept while cameras move)."""
    sigma: Float[np.ndarray, " N"]
    """Standard deviations (metres) of rows that state their own: keypoints. NaN for pixels of proxies."""


class Bundle:
    """The problem: its costs and normal equations.

    Args:
        body: Body model.
        frames: Observations of each of the F frames.
        priors: Least-squares terms of each frame's body.
        terms: Least-squares terms of cameras and shape.
        expression: (F, 10) of the bodies, which stay.
        per_view: Most independent pixels that a view counts as.
    """

    def __init__(
        self,
        body: BodyModel,
        frames: Sequence[FrameObservations],
        priors: Sequence[Prior],
        terms: Sequence[RigTerm],
        expression: Tensor,
        per_view: int = 60,
    ):
        self.frames, self.priors, self.terms = list(frames), list(priors), list(terms)
        self.skeleton = Skeleton(body, expression)
        self.data, self.camera, self.K, self.per_view = [], [], [], per_view
        for f, frame in enumerate(frames):
            found = frame.found
            camera = torch.as_tensor(frame.camera_of_map[found.view])
            counts = np.bincount(found.view, minlength=len(frame.cameras))
            # maximum effective number of pixels of a view
            share = np.minimum(1.0, per_view / np.maximum(counts, 1))
            share = np.where(np.isnan(frame.sigma), share[found.view], 1.0)
            like = body.v_template
            seen = subject_observations(found, frame.cameras, frame.center, found.weight * share, body)
            self.data.append(Reprojection(body, self.skeleton, seen, expression[f : f + 1]))
            self.camera.append(camera)
            K = np.stack([c.K for c in frame.cameras])
            self.K.append(torch.as_tensor(K[found.view], dtype=like.dtype))

    def set_cameras(self, rig: RigState, measure: bool = False) -> None:
        """Give the data terms the cameras of `rig`; with `measure`, also the metres per pixel."""
        for frame, data, camera, K in zip(self.frames, self.data, self.camera, self.K, strict=True):
            center = torch.as_tensor(frame.center)
            zoomed = K.clone()
            zoomed[:, :2, :2] *= rig.log_focal[camera].exp()[:, None, None]
            R = rig.R_cam_world[camera]
            t = (R @ (center - rig.center[camera])[..., None])[..., 0]
            P = zoomed @ torch.cat([R, t[..., None]], dim=-1)
            unit = data.observations.metres_per_pixel
            if measure:
                focal = (zoomed[:, 0, 0] * zoomed[:, 1, 1]).abs().sqrt()
                unit = (t[:, 2].clamp_min(0.1) / focal)[None]
            data.observations = replace(data.observations, P=P[None], metres_per_pixel=unit)

    def noise(self, bodies: State, kernel: float, floor: float, ceiling: float) -> list[Noise]:
        """A fixed robust scale (metres), or with 0 that of the residuals' own spread, frame by frame. Keypoints keep
        their own sigma; errors of centimetres count once a part, not once a pixel."""
        out = []
        for f, (frame, data) in enumerate(zip(self.frames, self.data, strict=True)):
            weight = data.observations.weight
            own = torch.as_tensor(frame.sigma)[None]
            dense = torch.isnan(own)
            level, scale = kernel / 3, kernel
            if kernel == 0:
                distance = data.distances(frame_state(bodies, f))[0].numpy()
                found = rayleigh_sigma(distance[dense[0].numpy()], weight[dense].numpy())
                level = float(np.clip(found, floor, ceiling))
                scale = KERNEL_SIGMAS * level
            spread = torch.full_like(weight, level) * correlation_inflation(
                torch.full_like(weight, level), self.per_view
            )
            out.append(
                Noise(
                    torch.where(dense, spread, own),
                    torch.where(
                        dense, torch.full_like(weight, scale), (KERNEL_SIGMAS * own).clamp_min(kernel)
                    ),
                )
            )
        return out

    def linearise(self, f: int, bodies: State, rig: RigState, noise: Noise) -> tuple[Tensor, Tensor, Tensor]:
        """Gauss-Newton matrix, gradient and cost of frame f over (its pose and place | cameras | betas, scale)."""
        data, camera = self.data[f], self.camera[f]
        state = frame_state(bodies, f)
        residual, J, depth = data.jacobian(state, FREE)
        rho, factor = data.weights(residual, depth, noise)
        world = data.points(state)[0][0]
        cams = self._camera_rows(f, world, rig, residual[0], depth[0])
        n = len(camera)
        wide = J.new_zeros(n, 2, PER_CAMERA * len(rig))
        columns = PER_CAMERA * camera[:, None] + torch.arange(PER_CAMERA)
        wide.scatter_(2, columns[:, None].expand(n, 2, PER_CAMERA), cams)
        body = J[0]
        J = torch.cat(
            [body[..., :POSE], body[..., POSE + SHARED :], wide, body[..., POSE : POSE + SHARED]], -1
        )
        root = factor[0].sqrt()[:, None]
        A, b = (J * root[..., None]).flatten(0, 1), (residual[0] * root).flatten()
        H, g = A.T @ A, A.T @ b
        prior = prior_normal(self.priors, state, FREE.columns())
        own = torch.cat(
            [
                torch.arange(POSE),
                torch.arange(SHARED) + POSE + 3 + PER_CAMERA * len(rig),
                torch.arange(3) + POSE,
            ]
        )
        H[own[:, None], own] += prior.H[0]
        g[own] += prior.g[0]
        return H, g, 0.5 * rho.sum() + prior.cost[0]

    def _camera_rows(
        self, f: int, world: Tensor, rig: RigState, residual: Tensor, depth: Tensor
    ) -> Float[Tensor, "N 2 7"]:
        """Derivative of the residuals (metres) by each point's own camera."""
        data, camera = self.data[f], self.camera[f]
        unit = data.observations.metres_per_pixel[0][:, None, None]
        K = self.K[f].clone()
        K[:, :2, :2] *= rig.log_focal[camera].exp()[:, None, None]
        R = rig.R_cam_world[camera]
        arm = world + torch.as_tensor(self.frames[f].center) - rig.center[camera]
        x = (R @ arm[..., None])[..., 0]
        uv = residual / unit[..., 0] + data.observations.pixels[0]
        rows = (K[:, :2] - uv[..., None] * K[:, 2:]) * (unit / depth.clamp_min(MIN_DEPTH)[:, None, None])
        turn = torch.linalg.cross(x[:, None].expand_as(rows), rows, dim=-1)  # row · (d × x) = d · (x × row)
        return torch.cat([turn, -rows @ R, (uv - K[:, :2, 2])[..., None] * unit], dim=-1)

    def cost(self, bodies: State, rig: RigState, noise: list[Noise]) -> float:
        """Total cost; binds `rig`."""
        self.set_cameras(rig)
        total = 0.0
        for f, data in enumerate(self.data):
            state = frame_state(bodies, f)
            prior = prior_normal(self.priors, state, FREE.columns()[:0])
            total += float(data.cost(state, noise[f])[0] + prior.cost[0])
        return total + sum(float(t.linearise(rig, bodies)[2]) for t in self.terms)

    def normal(
        self, bodies: State, rig: RigState, noise: list[Noise], free: Int64[Tensor, " k"], damping: float
    ) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor, Tensor]], float]:
        """The reduced system over the shared unknowns, and what is needed to go back to the frames."""
        self.set_cameras(rig)
        own = POSE + 3
        size = PER_CAMERA * len(rig) + SHARED
        S, s, total = (
            torch.zeros(size, size, dtype=torch.float64),
            torch.zeros(size, dtype=torch.float64),
            0.0,
        )
        back = []
        for f in range(len(self.data)):
            H, g, cost = self.linearise(f, bodies, rig, noise[f])
            total += float(cost)
            D = H[:own, :own]
            D = D + torch.diag(damping * D.diagonal() + 1e-9 * D.diagonal().max())
            L = torch.linalg.cholesky(D)
            W = torch.cholesky_solve(H[:own, own:], L)
            w = torch.cholesky_solve(g[:own, None], L)[:, 0]
            S += H[own:, own:] - H[own:, :own] @ W
            s += g[own:] - H[own:, :own] @ w
            back.append((W, w, L))
        for term in self.terms:
            H, g, cost = term.linearise(rig, bodies)
            S += H
            s += g
            total += float(cost)
        return S[free[:, None], free], s[free], back, total


def frame_state(bodies: State, f: int) -> State:
    """One frame's body."""
    return State(
        bodies.rotations[f : f + 1], bodies.betas[f : f + 1], bodies.log_scale[f : f + 1],
        bodies.transl[f : f + 1], bodies.expression[f : f + 1],
    )  # fmt: skip
