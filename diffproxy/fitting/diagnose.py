"""Stage 5 of a fit: parameters, joints, their uncertainty, and whether to trust the body."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.fitting.diagnostics import fit_diagnostics, fit_status, limb_agreement
from diffproxy.fitting.initialization.initialize import InitialState
from diffproxy.fitting.noise import KERNEL_SIGMAS, covariance_noise, noise_level
from diffproxy.fitting.observed import moving_joints, supported_joints
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.solve import Solution
from diffproxy.fitting.solvers.levenberg_marquardt import total_normal
from diffproxy.fitting.terms.diffusion_prior import localised
from diffproxy.fitting.terms.priors import prior_cost, variables_of
from diffproxy.fitting.uncertainty import calibrated, joint_std

COMMON_KERNEL = 0.06
"""Robust scale, metres, under which fits from different hypotheses are compared."""


def diagnose(solution: Solution) -> list[FitResult]:
    """Turn a solution into results.

    Args:
        solution: Bodies of all subjects that have a hypothesis.

    Returns:
        One result per subject, in the order of `solution.problem.initial`: the hypothesis of least cost, or why there
        is no body.
    """
    began = time.perf_counter()
    problem = solution.problem
    residuals = _Residuals.of(solution)
    std, objective = _joint_std(solution), _objective(solution)
    params = problem.to_world(solution.state)
    with torch.no_grad():
        joints = problem.body.joints(params).cpu().numpy()
        vertices = problem.body(params).vertices.cpu().numpy() if problem.config.vertices else None
    fitted = {}
    for i, b in least_cost(problem.owner, objective.tolist()).items():
        result = FitResult(
            params=params[b],
            joints=joints[b],
            joint_std=std[b].cpu().numpy(),
            status="ok",
            objective=float(objective[b]),
            vertices=None if vertices is None else vertices[b],
            stages=solution.stages[b],
        )
        fitted[i] = _with_status(result, solution, residuals, b)
    seconds = {**solution.seconds, "diagnostics": (time.perf_counter() - began) / len(fitted)}
    return [
        replace(fitted[i], timings={**initial.seconds, **seconds})
        if i in fitted
        else not_fitted(initial, problem.body)
        for i, initial in enumerate(problem.initial)
    ]


def least_cost(owner: Sequence[int], cost: Sequence[float]) -> dict[int, int]:
    """By subject the number of its hypothesis of least cost, the first of equals; one of NaN only where all are."""
    best: dict[int, int] = {}
    for b, i in enumerate(owner):
        if i not in best or cost[b] < cost[best[i]] or math.isnan(cost[best[i]]):
            best[i] = b
    return best


def not_fitted(initial: InitialState, body: BodyModel) -> FitResult:
    """The result of a subject without a hypothesis: the rest pose, with infinite deviations."""
    joints = body.joints(initial.rest)[0].cpu().numpy()
    std = np.full(55, np.inf, dtype=np.float32)
    return FitResult(initial.rest, joints, std, initial.status, initial.reason, timings=initial.seconds)


@dataclass(frozen=True)
class _Residuals:
    """The rows of the last stage, as arrays: distances and noise in metres, which rows state a part or a deviation."""

    distance: Float[np.ndarray, "B N"]
    sigma: Float[np.ndarray, "B N"]
    weight: Float[np.ndarray, "B N"]
    view: Int[np.ndarray, "B N"]
    face: Int[np.ndarray, "B N"]
    bary: Float[np.ndarray, "B N 3"]
    pixels: Float[np.ndarray, "B N"]
    """Distances in pixels of the maps."""
    is_labelled: Bool[np.ndarray, "B N"]
    is_keypoint: Bool[np.ndarray, "B N"]

    @staticmethod
    def of(solution: Solution) -> _Residuals:
        data, rows = solution.data, solution.data.observations
        noise = noise_level(data, solution.state, solution.problem.config, 0.0)
        distance = data.distances(solution.state).double().cpu().numpy()
        return _Residuals(
            distance=distance,
            sigma=(noise.kernel / KERNEL_SIGMAS).double().cpu().numpy(),
            weight=rows.weight.double().cpu().numpy(),
            view=rows.view.cpu().numpy(),
            face=rows.faces.cpu().numpy(),
            bary=rows.bary.double().cpu().numpy(),
            pixels=distance / rows.metres_per_pixel.double().cpu().numpy(),
            is_labelled=~rows.silhouette_rows.cpu().numpy(),
            is_keypoint=solution.data.observations.stated_sigma.cpu().numpy() > 0,
        )


def _with_status(result: FitResult, solution: Solution, rows: _Residuals, b: int) -> FitResult:
    """Body b with its diagnostics, its observed joints and its status."""
    problem, config = solution.problem, solution.problem.config
    subject = problem.subjects[b]
    used = (rows.weight[b] > 0) & rows.is_labelled[b]
    diagnostics = fit_diagnostics(
        subject.maps,
        subject.flips,
        solution.pixels[b],
        rows.distance[b],
        rows.sigma[b],
        rows.view[b],
        rows.weight[b] * rows.is_labelled[b],
        dict(problem.body.atlas.palette.names),
    )
    close = rows.distance[b] < KERNEL_SIGMAS * rows.sigma[b]
    agreeing = used & close
    pixels = rows.face[b][agreeing], rows.bary[b][agreeing], rows.view[b][agreeing]
    keypoints = None
    if subject.keypoints is not None:
        given = rows.is_keypoint[b] & (rows.weight[b] > 0)
        movers, agree = moving_joints(subject.keypoints.body, rows.face[b][given]), close[given]
        diagnostics = replace(diagnostics, keypoint_agreement=limb_agreement(agree, movers))
        keypoints = movers[agree], rows.view[b][given][agree]
    observed, cameras = supported_joints(problem.body, subject.maps, pixels, keypoints)
    finite = bool(np.isfinite(result.joints).all())
    status, reason, warning = fit_status(
        diagnostics, config, finite, subject.num_body_views, subject.maps, observed, cameras
    )
    return replace(
        result,
        joint_std=calibrated(result.joint_std, observed, cameras, config),
        joint_observed=observed,
        joint_cameras=cameras,
        status=status,
        reason=reason,
        warning=warning,
        residual_px=float(np.median(rows.pixels[b][used])) if used.any() else float("nan"),
        sigma=float(np.median(rows.sigma[b][used])) if used.any() else float("nan"),
        inlier_ratio=diagnostics.inlier_ratio,
        robust_loss=diagnostics.robust_loss,
        flip_ratio=diagnostics.flip_ratio,
        view_residuals=diagnostics.view_residuals,
        used_pixels=int(used.sum()),
    )


def _joint_std(solution: Solution) -> Float[Tensor, "B 55"]:
    """Deviations of the joints' positions, metres, before `calibrated`."""
    problem, data, state = solution.problem, solution.fitted, solution.state
    priors = localised(problem.priors, variables_of(state), 1.0)
    free = problem.stages[-1].free
    normal = total_normal(data, priors, state, free, covariance_noise(data, state, problem.config))
    return joint_std(normal, problem.skeleton, state, free)


def _objective(solution: Solution) -> Float[Tensor, " B"]:
    """Costs under one fixed noise, comparable between hypotheses of the same subject."""
    problem, data, state = solution.problem, solution.data, solution.state
    noise = noise_level(data, state, problem.config, COMMON_KERNEL)
    variables = variables_of(state)
    return data.cost(state, noise) + prior_cost(localised(problem.priors, variables, 1.0), variables)
