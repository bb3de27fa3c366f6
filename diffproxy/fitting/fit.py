"""`fit`: proxy maps in, a body out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.errors import InputError
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.correspondences import Correspondences, gather
from diffproxy.fitting.covariance import joint_std
from diffproxy.fitting.observations import stack
from diffproxy.fitting.priors import Prior, default_priors, pose_penalty
from diffproxy.fitting.residuals import Reprojection
from diffproxy.fitting.result import FitResult, Status
from diffproxy.fitting.robust import rayleigh_sigma
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solver_adam import adam
from diffproxy.fitting.solver_lm import levenberg_marquardt, total_normal
from diffproxy.fitting.stages import Stage, schedule
from diffproxy.fitting.start import closed_form_start, piece_joints
from diffproxy.fitting.state import HAND_JOINTS, State
from diffproxy.proxies import ProxyMaps

HAND_MOVERS = (20, 21, *HAND_JOINTS)
KERNEL_SIGMAS = 4.0
"""Robust scale of the last stage, in standard deviations of the noise found."""


@dataclass
class _Subject:
    """One subject on its way through the fit."""

    maps: ProxyMaps
    found: Correspondences
    views: int
    start: BodyParams
    center: np.ndarray
    mover: np.ndarray
    timings: dict[str, float]
    stages: list[dict[str, Any]] = field(default_factory=list)


def fit(
    maps: ProxyMaps,
    body: BodyModel,
    config: FitConfig | None = None,
    start: BodyParams | None = None,
    shape: Tensor | None = None,
    priors: list[Prior] | None = None,
) -> FitResult:
    """Fit one subject; see `fit_many`."""
    return fit_many([maps], body, config, None if start is None else [start], shape, priors)[0]


def fit_many(
    maps: list[ProxyMaps],
    body: BodyModel,
    config: FitConfig | None = None,
    starts: list[BodyParams | None] | None = None,
    shape: Tensor | None = None,
    priors: list[Prior] | None = None,
) -> list[FitResult]:
    """Fit subjects (or frames) as one batch.

    starts: first guesses (previous frames), one per subject, None where there is none: the closed form serves then.
    shape: betas (10,), to be kept fixed for all. priors: least-squares terms in place of the default ones.
    Bad proxies (empty, NaN, contradictory) give a status, never an exception; cameras with distortion raise InputError.
    """
    config = config or FitConfig()
    results: list[FitResult | None] = [None] * len(maps)
    subjects: dict[int, _Subject] = {}
    for i, m in enumerate(maps):
        if any(c.distortion.size and np.any(c.distortion) for c in m.cameras):
            raise InputError(
                "proxy maps of pinhole cameras",
                "a camera with lens distortion",
                "undistort images before cropping",
            )
        prepared = _prepare(m, body, config, starts[i] if starts else None, shape)
        if isinstance(prepared, FitResult):
            results[i] = prepared
        else:
            subjects[i] = prepared
    if subjects:
        terms = default_priors(body.v_template, config) if priors is None else priors
        fitted = _solve(list(subjects.values()), body, config, terms, shape)
        results = [r or fitted.pop(0) for r in results]
    return results


def _prepare(
    maps: ProxyMaps, body: BodyModel, config: FitConfig, start: BodyParams | None, shape: Tensor | None
) -> _Subject | FitResult:
    """Correspondences and first guess, or the reason why there is nobody to fit."""
    began = time.perf_counter()
    found = gather(maps, body, config.max_pixels, config.min_weight, config.hands)
    counts = np.bincount(found.view, minlength=maps.num_views)
    is_body = np.array([k == "body" for k in maps.kind], dtype=bool)
    seeing = (counts >= config.min_pixels) & is_body
    took = {"correspondences": time.perf_counter() - began}
    rest = BodyParams.rest(1, dtype=body.v_template.dtype, device=body.v_template.device)
    if shape is not None:
        rest = rest.replace(betas=shape.to(rest.betas).reshape(1, 10))
    if not seeing.any():
        most = int(counts[is_body].max()) if is_body.any() else 0
        reason = f"no view shows {config.min_pixels} usable foreground pixels of a body (most: {most})"
        return _empty(body, rest, "no_person", reason, took)
    began = time.perf_counter()
    if start is None:
        betas = None if shape is None else rest.betas[0].double().cpu().numpy()
        start = closed_form_start(body, found, maps.cameras, pose_penalty(), betas, config.grid).params
    elif shape is not None:
        start = start.replace(betas=rest.betas)
    took["start"] = time.perf_counter() - began
    center = body.joints(start)[0, 0].double().cpu().numpy()
    if not np.isfinite(center).all():
        return _empty(body, rest, "failed", "the first guess is not finite", took)
    return _Subject(maps, found, int(seeing.sum()), start, center, piece_joints(body, found.label), took)


def _empty(
    body: BodyModel, rest: BodyParams, status: Status, reason: str, timings: dict[str, float]
) -> FitResult:
    joints = body.joints(rest)[0].cpu().numpy()
    return FitResult(rest, joints, np.full(55, np.inf, dtype=np.float32), status, reason, timings=timings)


def _observe(subjects: list[_Subject], stage: Stage, config: FitConfig, like: Tensor) -> Any:
    """The stage's share of every subject's pixels. A view weighs like `independent_pixels` independent ones."""
    chosen, information = [], []
    for s in subjects:
        rows = s.found.rank < stage.share
        if stage.hands_only:
            rows &= np.isin(s.mover, HAND_MOVERS)
        part = s.found[rows]
        per_view = np.bincount(part.view)
        per_view = per_view[per_view > 0]
        effective = np.minimum(per_view, config.independent_pixels).sum()
        chosen.append(part)
        information.append(float(effective / max(len(part), 1)))
    return stack(chosen, [s.maps.cameras for s in subjects], [s.center for s in subjects], information, like)


def _solve(
    subjects: list[_Subject], body: BodyModel, config: FitConfig, priors: list[Prior], shape: Tensor | None
) -> list[FitResult]:
    like = body.v_template
    centers = torch.as_tensor(np.stack([s.center for s in subjects]), dtype=torch.float64)
    start = BodyParams.cat([s.start for s in subjects])
    start = start.replace(transl=(start.transl.double().cpu() - centers).to(like))
    state = State.from_params(start.to(like.device, like.dtype))
    has_expression = bool(start.expression.any())
    skeleton = Skeleton(body, start.expression if has_expression else None)
    solver = levenberg_marquardt if config.solver == "lm" else adam
    data, stage = None, None
    for stage in schedule(config, shape is None, config.hands):
        began = time.perf_counter()
        seen = _observe(subjects, stage, config, like)
        data = Reprojection(body, skeleton, seen, start.expression if has_expression else None)
        for fixed in stage.kernels:
            sigma = (
                _sigmas(data, state, config) if fixed == 0 else torch.full_like(state.log_scale, fixed / 3)
            )
            kernel = KERNEL_SIGMAS * sigma if fixed == 0 else torch.full_like(state.log_scale, fixed)
            if config.solver == "lm":
                state, report = solver(
                    data, priors, state, stage.free, kernel, sigma, stage.iterations, stage.threshold
                )
            else:
                state, report = solver(
                    data, priors, state, stage.free, kernel, sigma, tolerance=stage.threshold
                )
            for b, s in enumerate(subjects):
                s.stages.append(
                    {"name": stage.name, "iterations": report.iterations, "cost": float(report.cost[b]),
                     "sigma": float(sigma[b]), "converged": bool(report.converged[b])}
                )  # fmt: skip
        for s in subjects:
            s.timings[stage.name] = (time.perf_counter() - began) / len(subjects)
    began = time.perf_counter()
    sigma = _sigmas(data, state, config)
    normal = total_normal(data, priors, state, stage.free, KERNEL_SIGMAS * sigma, sigma)
    std = joint_std(normal, skeleton, state, stage.free)
    params = state.to_params()
    params = params.replace(transl=(params.transl.double().cpu() + centers).to(like))
    distances = data.distances(state).double().cpu().numpy()
    out = []
    for b, s in enumerate(subjects):
        s.timings["result"] = (time.perf_counter() - began) / len(subjects)
        out.append(_finish(s, body, config, params[b], distances[b], float(sigma[b]), std[b], data.seen, b))
    return out


def _sigmas(data: Reprojection, state: State, config: FitConfig) -> Tensor:
    d, w = data.distances(state).double().cpu().numpy(), data.seen.weight.double().cpu().numpy()
    sigma = [min(max(rayleigh_sigma(a, b), config.sigma_floor), 1.0) for a, b in zip(d, w, strict=True)]
    return torch.as_tensor(sigma, dtype=state.betas.dtype, device=state.betas.device)


def _finish(
    s: _Subject,
    body: BodyModel,
    config: FitConfig,
    params: BodyParams,
    distance: np.ndarray,
    sigma: float,
    std: Tensor,
    seen: Any,
    row: int,
) -> FitResult:
    weight = seen.weight[row].double().cpu().numpy()
    used = weight > 0
    pixels = distance[used] / seen.metres_per_pixel[row].double().cpu().numpy()[used]
    inliers = float((weight * (distance < KERNEL_SIGMAS * sigma)).sum() / max(weight.sum(), 1e-12))
    with torch.no_grad():
        joints = body.joints(params)[0].cpu().numpy()
        vertices = body(params).vertices[0].cpu().numpy() if config.vertices else None
    status: Status = "ok"
    reason = ""
    if not np.isfinite(joints).all() or not np.isfinite(sigma):
        status, reason = "failed", "the solution is not finite"
    elif sigma > config.max_sigma:
        status, reason = (
            "failed",
            f"proxies and body disagree by {sigma * 1000:.0f} mm per axis (typical residual)",
        )
    elif s.views == 1:
        status, reason = "one_view", "only one view shows the person: depth rests on an average body size"
    return FitResult(
        params=params,
        joints=joints,
        joint_std=std.cpu().numpy(),
        status=status,
        reason=reason,
        residual_px=float(np.median(pixels)) if used.any() else float("nan"),
        sigma=sigma,
        inliers=inliers,
        used_pixels=int(used.sum()),
        vertices=vertices,
        timings=s.timings,
        stages=s.stages,
    )
