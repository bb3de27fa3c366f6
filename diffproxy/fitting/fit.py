"""`fit`: proxy maps to bodies, in five stages that each hand one object on to the next."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.diagnose import diagnose, not_fitted
from diffproxy.fitting.gather_correspondences import gather_correspondences
from diffproxy.fitting.initialization.initialize import InitialState, initialize
from diffproxy.fitting.initialization.search_again import search_again
from diffproxy.fitting.problem import build_problem
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.solve import solve
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.fitting.terms.priors import Prior, default_priors
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError


def fit(
    maps: ProxyMaps,
    body: BodyModel,
    config: FitConfig | None = None,
    start: BodyParams | None = None,
    shape: Tensor | None = None,
    priors: list[Prior] | None = None,
    scale: float | None = None,
    keypoints: Keypoints | None = None,
    candidates: Sequence[BodyParams] = (),
) -> FitResult:
    """Fit a body to the proxies of one subject.

    Args:
        maps: Proxies of V views in pinhole cameras.
        body: Body model whose atlas the proxies refer to.
        config: Options; by default `FitConfig()`.
        start: A guess (batch of one), such as the fit of the previous frame. By default the closed form is used.
        shape: Betas (10,) that stay fixed, such as those that other frames of the person gave.
        priors: Least-squares terms in place of the default ones.
        scale: Scale that stays fixed together with `shape`; by default that of `start`, else 1.
        keypoints: Keypoints in pixels of the maps, fitted together with the proxies.
        candidates: Further guesses, such as those of a network. The best of them is a hypothesis beside the closed
            form, unless `start` is good.

    Returns:
        The body in world coordinates, metres. Unusable proxies (empty, NaN, contradictory) give a `status` and a
        `reason`, never an exception.

    Raises:
        InputError: If a camera has lens distortion.
    """
    starts: list[BodyParams | None] | None = None if start is None else [start]
    return fit_many([maps], body, config, starts, shape, priors, scale, [keypoints], [candidates])[0]


def fit_many(
    maps: list[ProxyMaps],
    body: BodyModel,
    config: FitConfig | None = None,
    starts: list[BodyParams | None] | None = None,
    shape: Tensor | None = None,
    priors: list[Prior] | None = None,
    scale: float | None = None,
    keypoints: Sequence[Keypoints | None] | None = None,
    candidates: Sequence[Sequence[BodyParams]] | None = None,
) -> list[FitResult]:
    """Fit subjects, or frames of one subject, as one batch.

    Args:
        maps: Proxies of each subject.
        body: Body model whose atlas the proxies refer to.
        config: Options; by default `FitConfig()`.
        starts: A guess for each subject, None where there is none.
        shape: Betas (10,) that stay fixed for all subjects.
        priors: Least-squares terms in place of the default ones.
        scale: Scale that stays fixed together with `shape`; by default that of each start, else 1.
        keypoints: Keypoints of each subject, in pixels of its maps.
        candidates: Further guesses for each subject; see `fit`.

    Returns:
        One result per subject; see `fit`.

    Raises:
        InputError: If a camera has lens distortion, or there is not one start for each subject.
    """
    config = config or FitConfig()
    if starts is not None and len(starts) != len(maps):
        raise InputError(f"{len(maps)} starts", f"{len(starts)}", "pass one per subject, None where unknown")
    initial = []
    for i, m in enumerate(maps):
        subject = gather_correspondences(m, body, config, keypoints[i] if keypoints else None)
        start, further = starts[i] if starts else None, candidates[i] if candidates else ()
        initial.append(initialize(subject, body, config, start, shape, scale, further))
    if not any(state.hypotheses for state in initial):
        return [not_fitted(state, body) for state in initial]
    if priors is None:
        priors = default_priors(body.v_template, config)

    def solved(states: list[InitialState]) -> list[FitResult]:
        return diagnose(solve(build_problem(states, body, config, priors, fixed_shape=shape is not None)))

    results = solved(initial)
    others = {
        i: other
        for i, (state, result) in enumerate(zip(initial, results, strict=True))
        if (other := search_again(state, body, config, result)) is not None
    }
    if others:
        for i, result in zip(others, solved(list(others.values())), strict=True):
            if result.objective < results[i].objective:
                results[i] = result
    return results
