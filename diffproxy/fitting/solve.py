"""Stage 4 of a fit: the solver's schedule, from coarse to fine, for a batch of bodies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from diffproxy.fitting.config import LAST, FitConfig, Stage
from diffproxy.fitting.noise import noise_level
from diffproxy.fitting.observations import ObservationRows, batch_observations, effective_weights
from diffproxy.fitting.problem import Problem
from diffproxy.fitting.refined_observations import Pictured, refined_observations
from diffproxy.fitting.solvers.adam import adam
from diffproxy.fitting.solvers.levenberg_marquardt import levenberg_marquardt
from diffproxy.fitting.state import State
from diffproxy.fitting.terms.correspondences import Correspondences, shows_hand
from diffproxy.fitting.terms.diffusion_prior import localised
from diffproxy.fitting.terms.left_right import flipped_pixels
from diffproxy.fitting.terms.paper_objective import eq6_factor, squared_pixels
from diffproxy.fitting.terms.priors import variables_of
from diffproxy.fitting.terms.reprojection import Observations, Reprojection
from diffproxy.fitting.terms.silhouette import surface_samples


@dataclass(frozen=True)
class Solution:
    """Where the solver arrived.

    Attributes:
        problem: What was solved.
        state: The bodies, relative to `problem.centers`.
        data: The data term of the last stage, of what the proxies and keypoints say themselves.
        fitted: The data term that the solver fitted in that stage: the same, or what `_refined` makes of it.
        pixels: Of each body, the sampled pixels with the sides that the last stage assigned to them.
        stages: Of each body, one report per run of the solver: name, iterations, cost, sigma, converged.
        seconds: Time of each stage, per body.
    """

    problem: Problem
    state: State
    data: Reprojection
    fitted: Reprojection
    pixels: tuple[Correspondences, ...]
    stages: tuple[list[dict[str, Any]], ...]
    seconds: dict[str, float]


def solve(problem: Problem) -> Solution:
    """Run all stages.

    Args:
        problem: One or more bodies.

    Returns:
        The last state, and what led to it.
    """
    config, state = problem.config, problem.start
    pixels = [subject.pixels for subject in problem.subjects]
    reports: tuple[list[dict[str, Any]], ...] = tuple([] for _ in pixels)
    seconds: dict[str, float] = {}
    num_passes, done = sum(len(stage.kernels) for stage in problem.stages), 0
    rows: list[list[ObservationRows]] = []
    fitted: Reprojection | None = None
    for stage in problem.stages:
        began = time.perf_counter()
        if config.left_right_flips and stage.name != "hands":
            pixels = assign_sides(problem, state)
        for kernel in stage.kernels:
            rows = observation_rows(problem, stage, pixels, state)
            fitted = (
                _refined(problem, rows, state) if refines(config, stage) else _plain(problem, rows, state)
            )
            if not fitted.observations.weight.shape[1]:  # no subject shows a hand
                done += len(stage.kernels)
                break
            state = _run(problem, stage, fitted, state, kernel, done / max(num_passes - 1, 1), reports)
            done += 1
        seconds[stage.name] = (time.perf_counter() - began) / len(pixels)
    assert fitted is not None  # the last stage uses all pixels, and every subject has some
    data = _plain(problem, rows, state) if refines(config, problem.stages[-1]) else fitted
    return Solution(problem, state, data, fitted, tuple(pixels), reports, seconds)


def assign_sides(problem: Problem, state: State) -> list[Correspondences]:
    """Decide for every pixel whether its label has left and right exchanged, by the present bodies."""
    params = problem.to_world(state)
    return [
        s.flips.apply(flipped_pixels(s.flips, problem.body, s.maps.cameras, params[b]))
        for b, s in enumerate(problem.subjects)
    ]


def observation_rows(
    problem: Problem, stage: Stage, pixels: list[Correspondences], state: State
) -> list[list[ObservationRows]]:
    """All rows of a stage, of each body: its share of the pixels, silhouettes by the present bodies, keypoints."""
    config, subjects = problem.config, problem.subjects
    rows = [
        [_pixel_rows(problem, stage, p, s.maps.labels.shape[-1])]
        for p, s in zip(pixels, subjects, strict=True)
    ]
    if config.silhouette and not stage.hands_only:
        for own, pairs in zip(rows, _match_silhouettes(problem, state), strict=True):
            own.append(ObservationRows.of(pairs))
    if not stage.hands_only:
        for own, s, center in zip(rows, subjects, problem.centers, strict=True):
            if s.keypoints is not None:
                own.append(s.keypoints.observations(s.maps.cameras, center))
    return rows


def refines(config: FitConfig, stage: Stage) -> bool:
    """Whether a stage uses part regions and directions of errors, for which bodies have to be near already."""
    return config.part_regions and config.objective == "robust" and stage.name == LAST


def _refined(problem: Problem, rows: list[list[ObservationRows]], state: State) -> Reprojection:
    """The data term of the last stage: also part regions, and pixels whose errors lie in the surface."""
    subjects = [Pictured(s.maps, center) for s, center in zip(problem.subjects, problem.centers, strict=True)]
    own = [ObservationRows.cat(r) for r in rows]
    params = problem.to_world(state)
    return _data_term(
        problem, refined_observations(own, subjects, problem.body, params, problem.observed_body), state
    )


def _plain(problem: Problem, rows: list[list[ObservationRows]], state: State) -> Reprojection:
    """The data term of the rows as they are."""
    return _data_term(problem, batched(problem, rows), state)


def batched(problem: Problem, rows: list[list[ObservationRows]]) -> Observations:
    """The rows of all bodies as one batch."""
    return batch_observations(
        [ObservationRows.cat(own) for own in rows],
        [s.maps.cameras for s in problem.subjects],
        list(problem.centers),
        problem.observed_body,
    )


def _data_term(problem: Problem, observations: Observations, state: State) -> Reprojection:
    return Reprojection(problem.observed_body, problem.skeleton, observations, state.expression)


def _pixel_rows(problem: Problem, stage: Stage, pixels: Correspondences, side: int) -> ObservationRows:
    chosen = pixels.rank < stage.share
    on_hand = shows_hand(pixels, problem.body)
    if stage.hands_only:
        chosen &= on_hand
    part, on_hand = pixels[chosen], on_hand[chosen]
    if problem.config.objective == "paper":
        factor: float | np.ndarray = eq6_factor(side)
    else:
        factor = effective_weights(part, on_hand, problem.config)
    return ObservationRows.of(part, factor=factor, on_hand=on_hand)


def _match_silhouettes(problem: Problem, state: State) -> list[Correspondences]:
    """Pairs of a foreground pixel and a surface point, by the present bodies."""
    params = problem.to_world(state)
    face, bary = surface_samples(problem.body)
    B, device = len(problem.owner), params.betas.device
    faces, barys = torch.from_numpy(face).to(device), torch.from_numpy(bary).to(params.betas)
    with torch.no_grad():
        world = problem.body.surface_points(params, faces.expand(B, -1), barys.expand(B, -1, -1))
    points = world.double().cpu().numpy()
    return [s.silhouette.matches(x) for s, x in zip(problem.subjects, points, strict=True)]


def _run(
    problem: Problem,
    stage: Stage,
    data: Reprojection,
    state: State,
    kernel: float,
    progress: float,
    reports: tuple[list[dict[str, Any]], ...],
) -> State:
    """One run of the solver with one robust scale."""
    config = problem.config
    if config.objective == "paper":
        noise = squared_pixels(data.observations)
    else:
        noise = noise_level(data, state, config, kernel)
    priors = localised(problem.priors, variables_of(state), progress, problem.config.solver)
    if problem.config.solver == "lm":
        state, report = levenberg_marquardt(
            data, priors, state, stage.free, noise, stage.iterations, stage.threshold
        )
    else:
        state, report = adam(data, priors, state, stage.free, noise, tolerance=stage.threshold)
    for b, own in enumerate(reports):
        own.append(
            {
                "name": stage.name,
                "iterations": report.iterations,
                "cost": float(report.cost[b]),
                "sigma": float(noise.sigma[b].min()),
                "converged": bool(report.converged[b]),
            }
        )
    return state
