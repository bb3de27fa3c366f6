"""From correspondences and first guesses to results: the stages, for a batch of subjects."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig, Stage, schedule
from diffproxy.fitting.diagnostics import fit_diagnostics, fit_status
from diffproxy.fitting.initialization.left_right import LabelFlips, flipped_labels_by
from diffproxy.fitting.initialization.segments import driving_joints
from diffproxy.fitting.observations import batch_observations
from diffproxy.fitting.observed import joint_support, keypoint_joints
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.solvers.adam import adam
from diffproxy.fitting.solvers.levenberg_marquardt import levenberg_marquardt, total_normal
from diffproxy.fitting.state import HAND_SEGMENTS, State
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.diffusion_prior import localised
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.fitting.terms.priors import Prior, prior_cost, variables_of
from diffproxy.fitting.terms.reprojection import Noise, Observations, Reprojection
from diffproxy.fitting.terms.silhouette import Silhouette, surface_samples
from diffproxy.fitting.uncertainty import (
    KERNEL_SIGMAS,
    calibrated,
    independence_ratio,
    joint_std,
    noise_level,
    silhouette_rows,
)
from diffproxy.proxies import ProxyMaps

UNINFORMATIVE = 1e3
"""Metres: the deviation of what is left out of `joint_std`."""
COMMON_KERNEL = 0.06
"""Robust scale, metres, under which fits from different starts are compared."""


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
    driving_joint: np.ndarray
    """Joint that moves each correspondence's part."""
    timings: dict[str, float]
    sides: LabelFlips
    outline: Silhouette
    keypoints: Keypoints | None = None
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
    # The body whose faces the rows mean: with keypoints, that with their faces.
    faces = next((s.keypoints.body for s in subjects if s.keypoints is not None), body)
    stages = schedule(config, not fixed_shape, config.hands)
    passes, done = sum(len(s.kernels) for s in stages), 0
    for stage in stages:
        began = time.perf_counter()
        if config.left_right_flips and stage.name != "hands":
            _read_sides(subjects, body, state)
        for kernel in stage.kernels:
            outlines = (
                _outlines(subjects, body, state) if config.silhouette and not stage.hands_only else None
            )
            seen = _observe(subjects, stage, config, faces, outlines)
            if not seen.weight.shape[1]:  # nobody's hands are in sight
                done += len(stage.kernels)
                break
            data = Reprojection(faces, skeleton, seen, start.expression)
            noise = noise_level(data, state, config, kernel)
            terms = localised(priors, variables_of(state), done / max(passes - 1, 1), config.solver)
            state = _run(data, terms, state, stage, noise, config, subjects)
            done += 1
        for s in subjects:
            s.timings[stage.name] = (time.perf_counter() - began) / len(subjects)
    return _results(subjects, body, config, priors, data, state, stages[-1])


def _placed(state: State, subjects: list[Subject]) -> BodyParams:
    """Parameters in the world, whose origin the computation does not use."""
    params = state.to_params()
    centers = torch.as_tensor(np.stack([s.center for s in subjects]), dtype=torch.float64)
    return params.replace(transl=(params.transl.double().cpu() + centers).to(params.transl))


def _read_sides(subjects: list[Subject], body: BodyModel, state: State) -> None:
    """Decide anew which pixels were given to the wrong side, by the bodies found so far."""
    params = _placed(state, subjects)
    for b, s in enumerate(subjects):
        s.found = s.sides.read(flipped_labels_by(s.sides, body, s.maps.cameras, params[b]))
        s.driving_joint = driving_joints(body, s.found.label)


def _outlines(subjects: list[Subject], body: BodyModel, state: State) -> list[Correspondences]:
    """Pairs of foreground and body, by the bodies found so far."""
    params = _placed(state, subjects)
    face, bary = surface_samples(body)
    B, device = len(subjects), params.betas.device
    faces = torch.from_numpy(face).to(device).expand(B, -1)
    with torch.no_grad():
        world = body.surface_points(params, faces, torch.from_numpy(bary).to(params.betas).expand(B, -1, -1))
    return [s.outline.matches(x) for s, x in zip(subjects, world.double().cpu().numpy(), strict=True)]


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


def _observe(
    subjects: list[Subject],
    stage: Stage,
    config: FitConfig,
    body: BodyModel,
    outlines: list[Correspondences] | None = None,
) -> Observations:
    """The stage's share of every subject's pixels. A view weighs like `independent_pixels` independent ones."""
    chosen, information, on_hand, given_sigma = [], [], [], []
    for b, s in enumerate(subjects):
        rows = s.found.rank < stage.share
        hand = np.isin(s.driving_joint, HAND_SEGMENTS)
        if stage.hands_only:
            rows &= hand
        part = s.found[rows]
        per_view = np.bincount(part.view)
        effective = np.minimum(per_view, config.independent_pixels).sum()
        share = np.full(len(part), effective / max(len(part), 1))
        hand = hand[rows]
        if outlines is not None:
            part = Correspondences.cat([part, outlines[b]])
            share = np.concatenate([share, np.ones(len(outlines[b]))])
            hand = np.concatenate([hand, np.zeros(len(outlines[b]), dtype=bool)])
        sigma = np.zeros(len(part))
        if s.keypoints is not None and not stage.hands_only:
            points = s.keypoints.rows
            part = Correspondences.cat([part, points])
            share = np.concatenate([share, np.ones(len(points))])
            hand = np.concatenate([hand, np.zeros(len(points), dtype=bool)])
            sigma = np.concatenate([sigma, s.keypoints.sigma(s.maps.cameras, s.center)])
        given_sigma.append(sigma)
        chosen.append(part)
        on_hand.append(hand)
        information.append(share)
    return batch_observations(
        chosen,
        [s.maps.cameras for s in subjects],
        [s.center for s in subjects],
        information,
        on_hand,
        body,
        given_sigma if any(s.keypoints is not None for s in subjects) else None,
    )


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
    noise = noise_level(data, state, config, 0.0)
    terms = localised(priors, variables_of(state), 1.0)
    smaller = noise.sigma / independence_ratio(data, state, noise, config.independent_pixels).sqrt()
    given = torch.zeros_like(smaller) if data.seen.given_sigma is None else data.seen.given_sigma
    smaller = torch.where(given > 0, noise.sigma, smaller)
    # outlines say roughly where an unseen limb is not, never how well it is known
    surer = Noise(smaller.masked_fill(silhouette_rows(data.seen) & (given == 0), UNINFORMATIVE), noise.kernel)
    std = joint_std(total_normal(data, terms, state, stage.free, surer), data.skeleton, state, stage.free)
    params = state.to_params()
    centers = torch.as_tensor(np.stack([s.center for s in subjects]), dtype=torch.float64)
    params = params.replace(transl=(params.transl.double().cpu() + centers).to(params.transl))
    with torch.no_grad():
        joints = body.joints(params).cpu().numpy()
        vertices = body(params).vertices.cpu().numpy() if config.vertices else None
    distances = data.distances(state).double().cpu().numpy()
    stated = ~silhouette_rows(data.seen).cpu().numpy()
    weights, sigmas = (
        data.seen.weight.double().cpu().numpy(),
        (noise.kernel / KERNEL_SIGMAS).double().cpu().numpy(),
    )
    views = data.seen.view.cpu().numpy()
    faces, barys = data.seen.faces.cpu().numpy(), data.seen.bary.double().cpu().numpy()
    pixels = distances / data.seen.metres_per_pixel.double().cpu().numpy()
    objective = data.cost(state, noise_level(data, state, config, COMMON_KERNEL)) + _prior_cost(priors, state)
    names = dict(body.atlas.palette.names)
    results = []
    for b, s in enumerate(subjects):
        used = (weights[b] > 0) & stated[b]
        against = fit_diagnostics(
            s.maps, s.sides, s.found, distances[b], sigmas[b], views[b], weights[b] * stated[b], names
        )
        agree = used & (distances[b] < KERNEL_SIGMAS * sigmas[b])
        observed = joint_support(body, faces[b][agree], barys[b][agree])
        if s.keypoints is not None:
            shown = (
                (given[b] > 0).cpu().numpy() & (weights[b] > 0) & (distances[b] < KERNEL_SIGMAS * sigmas[b])
            )
            observed[keypoint_joints(s.keypoints.body, faces[b][shown], views[b][shown])] = 1.0
        finite = bool(np.isfinite(joints[b]).all())
        status, reason, warning = fit_status(against, config, finite, s.views, s.maps, observed)
        s.timings["result"] = (time.perf_counter() - began) / len(subjects)
        results.append(
            FitResult(
                params=params[b],
                joints=joints[b],
                joint_std=calibrated(std[b].cpu().numpy(), observed, config),
                status=status,
                reason=reason,
                residual_px=float(np.median(pixels[b][used])) if used.any() else float("nan"),
                sigma=float(np.median(sigmas[b][used])) if used.any() else float("nan"),
                inlier_ratio=against.inlier_ratio,
                robust_loss=against.robust_loss,
                flip_ratio=against.flip_ratio,
                view_residuals=against.view_residuals,
                warning=warning,
                objective=float(objective[b]),
                used_pixels=int(used.sum()),
                vertices=None if vertices is None else vertices[b],
                timings=s.timings,
                stages=s.stages,
                joint_observed=observed,
            )
        )
    return results


def _prior_cost(priors: list[Prior], state: State) -> Tensor:
    variables = variables_of(state)
    return prior_cost(localised(priors, variables, 1.0), variables)
