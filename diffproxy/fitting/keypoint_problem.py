"""The least-squares problem of one frame's proxies and sparse keypoints together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.effective_sample_size import correlation_inflation
from diffproxy.fitting.noise import KERNEL_SIGMAS
from diffproxy.fitting.observations import effective_weights, subject_observations
from diffproxy.fitting.observed import (
    moving_joints,
    supported_joints,
    unobserved_note,
    unobserved_parts,
)
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solvers.adam import adam
from diffproxy.fitting.solvers.levenberg_marquardt import levenberg_marquardt, total_normal
from diffproxy.fitting.state import BODY_JOINT_NUMBERS, HAND_JOINT_NUMBERS, Free, State
from diffproxy.fitting.terms.correspondences import Correspondences, sample_correspondences, shows_hand
from diffproxy.fitting.terms.priors import Prior, default_priors
from diffproxy.fitting.terms.reprojection import Noise, Reprojection
from diffproxy.fitting.uncertainty import calibrated, joint_std
from diffproxy.geometry.procrustes import align_points
from diffproxy.geometry.robust import rayleigh_sigma
from diffproxy.geometry.rotations import to_rotvec
from diffproxy.keypoints.keypoint_table import DETECTOR_STD, KeypointRows
from diffproxy.keypoints.landmarks import Landmarks
from diffproxy.keypoints.layouts import INDEX
from diffproxy.proxies import ProxyMaps

TRUNK = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
SETTLING = 0.8
"""Share of keypoints that agree with the body from which on doubts about the proxies alone no longer count."""
SURE_SIGMAS = 12.0
"""Robust scale of keypoints on whose place three views agree: that does not happen by mistake."""


@dataclass(frozen=True)
class KeypointSolution:
    """Where a start led: the state around `center`, its cost, and the noise found there."""

    state: State
    cost: float
    noise: Noise
    data: Reprojection
    center: np.ndarray


class KeypointProblem:
    """One frame: proxies and keypoints as one list of rows.

    Args:
        body: Body model of the proxies.
        marked: The same with a face at each keypoint (`with_landmarks`).
        landmarks: Which face is at which keypoint.
        config: Options of the fit.
        maps: Proxies.
        rows: Keypoints of the person.
    """

    def __init__(
        self,
        body: BodyModel,
        marked: BodyModel,
        landmarks: Landmarks,
        config: FitConfig,
        maps: ProxyMaps,
        rows: KeypointRows,
    ):
        self.config, self.body, self.marked, self.landmarks = config, body, marked, landmarks
        self.rows = rows
        self.maps = maps
        dense = sample_correspondences(
            maps, body, self.config.max_pixels, self.config.min_weight, self.config.hands
        )
        self.dense = dense[dense.label > 0]
        self.sparse, self.sigma, self.reach = _as_correspondences(rows, self.landmarks, maps.num_views)
        self.priors: list[Prior] = default_priors(self.marked.v_template, self.config)
        free_scale = self.config.fit_scale
        joints = (*BODY_JOINT_NUMBERS, *(HAND_JOINT_NUMBERS if self.config.hands else ()))
        self.body_free = Free(BODY_JOINT_NUMBERS, betas=True, scale=free_scale, transl=True)
        self.all_free = Free(joints, betas=True, scale=free_scale, transl=True)
        self.skeleton = Skeleton(self.marked)
        self.center = np.zeros(3)

    def place(self, like: BodyParams) -> BodyParams | None:
        """A body of the shape of `like` put by its triangulated hips and shoulders, then bent to all keypoints."""
        points = self.rows.points[[INDEX[n] for n in TRUNK]]
        if not np.isfinite(points).all():
            return None
        rest = BodyParams.rest(1, dtype=like.betas.dtype).replace(betas=like.betas, scale=like.scale)
        joints = self.marked.joints(rest)[0].double().numpy()
        own = joints[[1, 2, 16, 17]]
        motion = align_points(own, points, with_scale=False)
        at = motion.apply(joints[:1])[0]
        orient = torch.as_tensor(to_rotvec(motion.R[None])).to(like.betas)
        transl = torch.as_tensor(at - joints[0], dtype=like.betas.dtype)[None]
        params = rest.replace(global_orient=orient, transl=transl)
        data, noise = self._bind(params, dense=False)
        state = self._local(params)
        for kernel in (0.3, 0.1):
            state = self._solve(data, state, self.body_free, noise(kernel, data, state), 12)
        return self._world(state)

    def run(self, params: BodyParams) -> KeypointSolution:
        """All residuals, from this start."""
        data, noise = self._bind(params, dense=True)
        state = self._local(params)
        for kernel, free in (
            (0.12, self.body_free),
            (0.05, self.body_free),
            (0.0, self.all_free),
            (0.0, self.all_free),
        ):
            state = self._solve(data, state, free, noise(kernel, data, state), 8)
        judged = noise(0.05, data, state)
        cost = float(total_normal(data, self.priors, state, self.all_free, judged).cost[0])
        return KeypointSolution(state, cost, noise(0.0, data, state), data, self.center)

    def result(self, end: KeypointSolution, plain: FitResult) -> FitResult:
        """What `fit` would return, for this end."""
        data, state, noise, self.center = end.data, end.state, end.noise, end.center
        params = self._world(state)
        normal = total_normal(data, self.priors, state, self.all_free, noise)
        std = joint_std(normal, self.skeleton, state, self.all_free)[0].cpu().numpy()
        with torch.no_grad():
            joints = self.marked.joints(params)[0].cpu().numpy()
            vertices = self.body(params).vertices[0].cpu().numpy() if self.config.vertices else None
        distance, weight = data.distances(state)[0].numpy(), data.observations.weight[0].numpy()
        dense = np.arange(len(distance)) < len(self.dense)
        sigma = noise.kernel[0].numpy() / KERNEL_SIGMAS  # of the pixels, without their crowding
        use = dense & (weight > 0) if (dense & (weight > 0)).any() else weight > 0
        close = weight * (distance < KERNEL_SIGMAS * sigma)
        inliers = float(close[use].sum() / max(weight[use].sum(), 1e-12))
        views = len(np.unique(self.rows.view))
        agreed = float((distance[~dense] < KERNEL_SIGMAS * self.sigma).mean())
        agree = dense & (weight > 0) & (distance < KERNEL_SIGMAS * sigma)
        pixels = self.dense[agree[dense]]
        shown = distance[~dense] < KERNEL_SIGMAS * self.sigma
        movers = moving_joints(self.marked, self.sparse.face[shown])
        observed, cameras = supported_joints(
            self.body, self.maps, (pixels.face, pixels.bary, pixels.view), (movers, self.sparse.view[shown])
        )
        status, reason, warning = plain.status, plain.reason, plain.warning
        if views >= 2 and agreed > 0.5:
            # keypoints of which nearly all agree settle what proxies alone left open
            warning = warning if agreed < SETTLING and inliers < self.config.warn_inlier_ratio else ""
            unseen = unobserved_note(unobserved_parts(observed))
            strong = bool(warning) and plain.status == "doubtful"
            status, reason = "doubtful" if strong else "ok", "; ".join(x for x in (warning, unseen) if x)
        if not np.isfinite(joints).all():
            status, reason = "failed", "the solution is not finite"
        return replace(
            plain, params=params, joints=joints, joint_std=calibrated(std, observed, cameras, self.config),
            status=status, reason=reason, warning=warning,
            vertices=vertices, joint_observed=observed, joint_cameras=cameras,
            residual_px=float(np.median((distance / data.observations.metres_per_pixel[0].numpy())[use])),
            sigma=float(np.median(sigma[use])), inlier_ratio=inliers, used_pixels=int((weight > 0).sum()),
            stages=[*plain.stages, {"name": "keypoints", "rows": len(self.rows), "agreeing": agreed}],
        )  # fmt: skip

    def _solve(self, data: Reprojection, state: State, free: Free, noise: Noise, iterations: int) -> State:
        if self.config.solver == "adam":
            return adam(data, self.priors, state, free, noise, tolerance=0.01)[0]
        return levenberg_marquardt(data, self.priors, state, free, noise, iterations, 0.005)[0]

    def _local(self, params: BodyParams) -> State:
        shift = torch.as_tensor(self.center).to(params.transl)
        return State.from_params(params.replace(transl=params.transl - shift))

    def _world(self, state: State) -> BodyParams:
        params = state.to_params()
        return params.replace(transl=params.transl + torch.as_tensor(self.center).to(params.transl))

    def _bind(self, params: BodyParams, dense: bool):
        """The data term around the body's pelvis, and its noise model."""
        self.center = self.marked.joints(params)[0, 0].double().numpy()
        found = _joined(self.dense, self.sparse) if dense else self.sparse
        count = len(found) - len(self.sparse)
        cameras = (*self.maps.cameras, *self.rows.cameras)
        weight = found.weight.copy()
        hand = shows_hand(self.dense, self.marked)
        if count:
            weight[:count] *= effective_weights(self.dense, hand, self.config)
        seen = subject_observations(found, cameras, self.center, weight, self.marked)
        data = Reprojection(self.marked, self.skeleton, seen)
        fixed, reach = (torch.as_tensor(a).to(seen.weight) for a in (self.sigma, self.reach))

        def noise(kernel: float, data: Reprojection, state: State) -> Noise:
            sigma = torch.full_like(seen.weight, max(kernel / 3, self.config.sigma_floor))
            wide = torch.full_like(seen.weight, kernel)
            if kernel == 0 and count:
                distance = data.distances(state)[0, :count].double().numpy()
                weight = seen.weight[0, :count].double().numpy()
                for group in (hand, ~hand):
                    if group.any():
                        level = rayleigh_sigma(distance[group], weight[group])
                        level = float(np.clip(level, self.config.sigma_floor, self.config.max_sigma))
                        sigma[0, :count][torch.as_tensor(group)] = level
                wide = KERNEL_SIGMAS * sigma
            sigma[0, :count] *= correlation_inflation(sigma[0, :count], self.config.independent_pixels)
            sigma[0, count:] = fixed
            wide[0, count:] = torch.clamp(reach * fixed, min=kernel)
            return Noise(sigma, wide)

        return data, noise


def _joined(a: Correspondences, b: Correspondences) -> Correspondences:
    return Correspondences(
        *(np.concatenate([getattr(a, k), getattr(b, k)]) for k in Correspondences.__dataclass_fields__)
    )


def _as_correspondences(
    rows: KeypointRows, marks: Landmarks, first: int
) -> tuple[Correspondences, np.ndarray, np.ndarray]:
    """Keypoints as pixels of the views after the maps' own (`first`), with their standard deviations (metres) and how
    many of these they may be off before they are taken for mistakes."""
    known = marks.face[rows.name] >= 0
    name = rows.name[known]
    found = Correspondences(
        view=rows.view[known] + first,
        pixel=rows.pixel[known],
        label=np.ones(len(name), dtype=np.int64),  # of no part in particular
        face=marks.face[name],
        bary=marks.bary[name],
        weight=rows.confidence[known],
        rank=np.zeros(len(name)),
    )
    reach = np.where(rows.agreeing[known] >= 3, SURE_SIGMAS, KERNEL_SIGMAS)
    return found, np.hypot(marks.std[name], DETECTOR_STD), reach
