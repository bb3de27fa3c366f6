"""`fit`: proxy maps to bodies, in five stages that each hand one object on to the next."""

from __future__ import annotations

from collections.abc import Sequence

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.diagnose import diagnose, not_fitted
from diffproxy.fitting.evidence import Evidence, FixedShape
from diffproxy.fitting.gather_correspondences import gather_correspondences
from diffproxy.fitting.initialization.initialize import InitialState, initialize
from diffproxy.fitting.initialization.search_again import search_again
from diffproxy.fitting.problem import build_problem
from diffproxy.fitting.result import FitResult
from diffproxy.fitting.solve import solve
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.fitting.terms.priors import Prior, default_priors
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError


@checked
def fit(
    maps: ProxyMaps,
    body: BodyModel,
    config: FitConfig | None = None,
    start: BodyParams | None = None,
    keypoints: Keypoints | None = None,
    candidates: Sequence[BodyParams] = (),
) -> FitResult:
    """Fit a body to the proxies of one subject.

    Args:
        maps: Proxies of V views in pinhole cameras.
        body: Body model whose atlas the proxies refer to.
        config: Options; by default `FitConfig()`.
        start: A guess (batch of one), such as the fit of the previous frame. By default the closed form is used.
        keypoints: Keypoints in pixels of the maps, fitted together with the proxies.
        candidates: Further guesses; see `Evidence`.

    Returns:
        The body in world coordinates, metres. Unusable proxies (empty, NaN, contradictory) give a `status` and a
        `reason`, never an exception.

    Raises:
        InputError: If a camera has lens distortion.
    """
    return fit_many([maps], body, config, [Evidence(keypoints, start, candidates)])[0]


@checked
def fit_many(
    maps: Sequence[ProxyMaps],
    body: BodyModel,
    config: FitConfig | None = None,
    evidence: Sequence[Evidence] | None = None,
    shape: FixedShape | None = None,
    priors: Sequence[Prior] | None = None,
) -> list[FitResult]:
    """Fit subjects, or frames of one subject, as one batch.

    Args:
        maps: Proxies of each subject.
        body: Body model whose atlas the proxies refer to.
        config: Options; by default `FitConfig()`.
        evidence: What else is known of each subject; by default nothing.
        shape: The shape of all subjects; by default it is fitted.
        priors: Least-squares terms in place of the default ones.

    Returns:
        One result per subject; see `fit`.

    Raises:
        InputError: If a camera has lens distortion, or there is not one `Evidence` for each subject.
    """
    config = config or FitConfig()
    evidence = [Evidence()] * len(maps) if evidence is None else evidence
    if len(evidence) != len(maps):
        raise InputError(
            f"{len(maps)} items of evidence",
            f"{len(evidence)}",
            "pass one per subject, Evidence() where unknown",
        )
    initial = []
    for shown, known in zip(maps, evidence, strict=True):
        subject = gather_correspondences(shown, body, config, known.keypoints)
        initial.append(initialize(subject, body, config, known, shape))
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
        if (other := search_again(state, body, config, result, config.fit_scale and shape is None))
        is not None
    }
    if others:
        for i, result in zip(others, solved(list(others.values())), strict=True):
            if result.objective < results[i].objective:
                results[i] = result
    return results
