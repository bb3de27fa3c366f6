"""From correspondences and first guesses to results: the stages, for a batch of subjects."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.correspondences import Correspondences
from diffproxy.fitting.covariance import joint_std
from diffproxy.fitting.diffusion_prior import localised
from diffproxy.fitting.observations import stack
from diffproxy.fitting.priors import Prior, variables_of
from diffproxy.fitting.residuals import Noise, Observations, Reprojection
from diffproxy.fitting.result import FitResult, Status
from diffproxy.fitting.robust import rayleigh_sigma
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solver_adam import adam
from diffproxy.fitting.solver_lm import levenberg_marquardt, total_normal
from diffproxy.fitting.stages import Stage, schedule
from diffproxy.fitting.state import HAND_JOINTS, State
from diffproxy.proxies import ProxyMaps

HAND_MOVERS = (20, 21, *HAND_JOINTS)
"""Joints that move the parts of a hand: wrists and fingers."""
KERNEL_SIGMAS = 4.0
"""Robust scale of the last stage, in standard deviations of the noise found."""


@dataclass
class Subject:
    """One subject on its way through the fit."""

    maps: ProxyMaps
    found: Correspondences
    views: int
    """Body views that see the person."""
    start: BodyParams
    center: np.ndarray
    """World position (3,) of the first guess's pelvis, metres: the origin of the computation."""
    mover: np.ndarray
    """Joint that moves each correspondence's part."""
    timings: dict[str, float]
    stages: list[dict[str, Any]] = field(default_factory=list)


def solve(
    subjects: list[Subject], body: BodyModel, config: FitConfig, priors: list[Prior], fixed_shape: bool
) -> list[FitResult]:
    """Run the schedule on all subjects at once."""
    like = body.v_template
    centers = torch.as_tensor(np.stack([s.center for s in subjects]), dtype=torch.float64)
    start = BodyParams.cat([s.start for s in subjects])
    start = start.replace(transl=(start.transl.double().cpu() - centers).to(like)).to(like.device, like.dtype)
    state = State.from_params(start)
    skeleton = Skeleton(body, start.expression)
    stages = schedule(config, not fixed_shape, config.hands)
    passes, done = sum(len(s.kernels) for s in stages), 0
    for stage in stages:
        began = time.perf_counter()
        data = Reprojection(body, skeleton, _observe(subjects, stage, config, like), start.expression)
        for kernel in stage.kernels:
            noise = _noise(data, state, config, kernel)
            terms = localised(priors, variables_of(state), done / max(passes - 1, 1), config.solver)
            state = _run(data, terms, state, stage, noise, config, subjects)
            done += 1
        for s in subjects:
            s.timings[stage.name] = (time.perf_counter() - began) / len(subjects)
    return _results(subjects, body, config, priors, data, state, stages[-1])


def _run(
    data: Reprojection,
    priors: list[Prior],
    state: State,
    stage: Stage,
    noise: Noise,
    config: FitConfig,
    subjects: list[Subject],
) -> State:
    if config.solver == "lm":
        state, report = levenberg_marquardt(
            data, priors, state, stage.free, noise, stage.iterations, stage.threshold
        )
    else:
        state, report = adam(data, priors, state, stage.free, noise, tolerance=stage.threshold)
    for b, s in enumerate(subjects):
        s.stages.append(
            {"name": stage.name, "iterations": report.iterations, "cost": float(report.cost[b]),
             "sigma": float(noise.sigma[b].min()), "converged": bool(report.converged[b])}
        )  # fmt: skip
    return state


def _observe(subjects: list[Subject], stage: Stage, config: FitConfig, like: Tensor) -> Observations:
    """The stage's share of every subject's pixels. A view weighs like `independent_pixels` independent ones."""
    chosen, information, on_hand = [], [], []
    for s in subjects:
        rows = s.found.rank < stage.share
        hand = np.isin(s.mover, HAND_MOVERS)
        if stage.hands_only:
            rows &= hand
        part = s.found[rows]
        per_view = np.bincount(part.view)
        effective = np.minimum(per_view, config.independent_pixels).sum()
        chosen.append(part)
        on_hand.append(hand[rows])
        information.append(float(effective / max(len(part), 1)))
    return stack(
        chosen, [s.maps.cameras for s in subjects], [s.center for s in subjects], information, on_hand, like
    )


def _noise(data: Reprojection, state: State, config: FitConfig, kernel: float) -> Noise:
    """A fixed robust scale (metres), or with 0 the noise found in the residuals: of hands and of the rest."""
    seen = data.seen
    if kernel > 0:
        scale = torch.full_like(seen.weight, kernel)
        return Noise(scale / 3, scale)
    distance, weight = data.distances(state).double().cpu().numpy(), seen.weight.double().cpu().numpy()
    hand = seen.on_hand.cpu().numpy()
    sigma = np.full_like(distance, config.sigma_floor)
    for b in range(len(distance)):
        for group in (hand[b], ~hand[b]):
            rows = group & (weight[b] > 0)
            if rows.any():
                found = rayleigh_sigma(distance[b][rows], weight[b][rows])
                sigma[b][group] = np.clip(found, config.sigma_floor, config.max_sigma)
    spread = torch.as_tensor(sigma, dtype=seen.weight.dtype, device=seen.weight.device)
    return Noise(spread, KERNEL_SIGMAS * spread)


def _results(
    subjects: list[Subject],
    body: BodyModel,
    config: FitConfig,
    priors: list[Prior],
    data: Reprojection,
    state: State,
    stage: Stage,
) -> list[FitResult]:
    began = time.perf_counter()
    noise = _noise(data, state, config, 0.0)
    terms = localised(priors, variables_of(state), 1.0)
    std = joint_std(total_normal(data, terms, state, stage.free, noise), data.skeleton, state, stage.free)
    params = state.to_params()
    centers = torch.as_tensor(np.stack([s.center for s in subjects]), dtype=torch.float64)
    params = params.replace(transl=(params.transl.double().cpu() + centers).to(params.transl))
    with torch.no_grad():
        joints = body.joints(params).cpu().numpy()
        vertices = body(params).vertices.cpu().numpy() if config.vertices else None
    distances = data.distances(state).double().cpu().numpy()
    weights, sigmas = data.seen.weight.double().cpu().numpy(), noise.sigma.double().cpu().numpy()
    pixels = distances / data.seen.metres_per_pixel.double().cpu().numpy()
    results = []
    for b, s in enumerate(subjects):
        used = weights[b] > 0
        close = weights[b] * (distances[b] < KERNEL_SIGMAS * sigmas[b])
        inliers = float(close.sum() / max(weights[b].sum(), 1e-12))
        status, reason = _verdict(s, config, joints[b], inliers)
        s.timings["result"] = (time.perf_counter() - began) / len(subjects)
        results.append(
            FitResult(
                params=params[b],
                joints=joints[b],
                joint_std=std[b].cpu().numpy(),
                status=status,
                reason=reason,
                residual_px=float(np.median(pixels[b][used])) if used.any() else float("nan"),
                sigma=float(np.median(sigmas[b][used])) if used.any() else float("nan"),
                inliers=inliers,
                used_pixels=int(used.sum()),
                vertices=None if vertices is None else vertices[b],
                timings=s.timings,
                stages=s.stages,
            )
        )
    return results


def _verdict(s: Subject, config: FitConfig, joints: np.ndarray, inliers: float) -> tuple[Status, str]:
    if not np.isfinite(joints).all():
        return "failed", "the solution is not finite"
    if inliers < config.min_inliers:
        return "failed", f"the body explains only {inliers:.0%} of the proxies"
    if s.views == 1:
        return "one_view", "only one view shows the person: depth rests on an average body size"
    return "ok", ""
