"""Stage 2 of a fit: parameters to start the solver from, given or found by a search without local minima."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.evidence import Evidence, FixedShape
from diffproxy.fitting.gather_correspondences import ObservedSubject
from diffproxy.fitting.initialization.beam_search import OTHER_SIDE_WEIGHT, LimbBeamSearch, search_limbs
from diffproxy.fitting.initialization.closed_form_pose import closed_form_pose
from diffproxy.fitting.initialization.segments import SegmentSearch
from diffproxy.fitting.pose_statistics import pose_penalty
from diffproxy.fitting.rays import mean_ray_loss
from diffproxy.fitting.result import Status

MAX_GIVEN_LOSS = 0.35
"""Mean ray loss below which a given start is taken as it is: a miss of 9 cm all over, or a third outliers."""
MAX_CLOSED_FORM_LOSS = 0.05
"""Mean ray loss of the closed form above which limbs are searched again. Exact proxies stay below it."""


@dataclass(frozen=True)
class InitialState:
    """Where the solver starts for one subject.

    Attributes:
        subject: What stage 1 gathered.
        rest: The unposed body, with the betas and the scale that are given.
        hypotheses: Parameters to start from; several where one view leaves the depth open, none without a person.
        status: Why there are none: `no_person` or `failed`; else `ok`.
        reason: The same in words.
        seconds: Time of each stage so far.
        guessed: Whether a start or candidates were given, such as the body of the frame before or a network's.
    """

    subject: ObservedSubject
    rest: BodyParams
    hypotheses: tuple[BodyParams, ...]
    status: Status
    reason: str
    seconds: dict[str, float]
    guessed: bool = False


def initialize(
    subject: ObservedSubject,
    body: BodyModel,
    config: FitConfig,
    evidence: Evidence | None = None,
    shape: FixedShape | None = None,
) -> InitialState:
    """Find parameters to start the solver from.

    Args:
        subject: What stage 1 gathered.
        body: Body model.
        config: Options of the search.
        evidence: Guesses; by default none.
        shape: Betas and scale that stay fixed; by default they are fitted.

    Returns:
        The hypotheses, or why there are none.
    """
    began = time.perf_counter()
    rest = BodyParams.rest(1, dtype=body.v_template.dtype, device=body.v_template.device)
    if shape is not None:
        betas = shape.betas.to(rest.betas).reshape(1, 10)
        rest = rest.replace(betas=betas, scale=torch.full_like(rest.scale, shape.scale))
    evidence = evidence or Evidence()
    hypotheses: list[BodyParams] = []
    status: Status = "ok"
    reason = ""
    if not subject.num_body_views:
        status = "no_person"
        reason = (
            f"no view shows {config.min_pixels} usable foreground pixels of a body "
            f"(most: {subject.most_pixels})"
        )
    else:

        def shaped(params: BodyParams) -> BodyParams:
            params = params.to(rest.betas.device, rest.betas.dtype)
            return params if shape is None else params.replace(betas=rest.betas, scale=rest.scale)

        start = None if evidence.start is None else shaped(evidence.start)
        guesses = replace(
            evidence, start=start, candidates=[shaped(params) for params in evidence.candidates]
        )
        found = _hypotheses(subject, body, config, guesses, rest, config.fit_scale and shape is None)
        hypotheses = [params for params in found if bool(body.joints(params)[0, 0].isfinite().all())]
        if not hypotheses:
            status, reason = "failed", "the first guess is not finite"
    seconds = {"correspondences": subject.seconds, "initialization": time.perf_counter() - began}
    guessed = evidence.start is not None or bool(evidence.candidates)
    return InitialState(subject, rest, tuple(hypotheses), status, reason, seconds, guessed)


def _hypotheses(
    subject: ObservedSubject,
    body: BodyModel,
    config: FitConfig,
    guesses: Evidence,
    rest: BodyParams,
    free_scale: bool,
) -> list[BodyParams]:
    """The given start if it agrees with the proxies; else the better of it and the closed form, and the best candidate.

    Where one view alone shows the person, other poses of the trunk are tried as well: its depth is ambiguous.
    """
    pixels, cameras, penalty = subject.pixels, subject.maps.cameras, pose_penalty()
    start, start_loss = guesses.start, 1.0
    if start is not None:
        start_loss = mean_ray_loss(body, pixels, cameras, start)
        if start_loss < MAX_GIVEN_LOSS:
            return [start]
    search = SegmentSearch(body, pixels, cameras, penalty, rest, config.num_initial_rotations)
    hypotheses = []
    for choice in range(config.num_restarts if subject.num_body_views == 1 else 1):
        params = closed_form_pose(search, rest, free_scale, choice)
        if config.left_right_flips and mean_ray_loss(body, pixels, cameras, params) > MAX_CLOSED_FORM_LOSS:
            params = other_limbs(subject, body, config, rest, params) or params
        hypotheses.append(params)
    if start is not None and start_loss < mean_ray_loss(body, pixels, cameras, hypotheses[0]):
        hypotheses = [start]
    if guesses.candidates:
        hypotheses.append(
            min(guesses.candidates, key=lambda params: mean_ray_loss(body, pixels, cameras, params))
        )
    return hypotheses


def other_limbs(
    subject: ObservedSubject, body: BodyModel, config: FitConfig, rest: BodyParams, params: BodyParams
) -> BodyParams | None:
    """`params` with better poses of limbs whose pixels, of both sides, contradict it; None where no limb moves.

    `rest` is the unposed body, with the betas and the scale to search with.
    """
    both_sides = subject.flips.both(OTHER_SIDE_WEIGHT)
    search = SegmentSearch(
        body, both_sides, subject.maps.cameras, pose_penalty(), rest, config.num_initial_rotations
    )
    return search_limbs(LimbBeamSearch(search, subject.flips), params)
