"""`fit`: proxy maps in, a body out."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.initialization.beam_search import OTHER, LimbBeamSearch, search_limbs
from diffproxy.fitting.initialization.initial_state import closed_form_pose, disagreement
from diffproxy.fitting.initialization.left_right import LabelFlips
from diffproxy.fitting.initialization.segments import SegmentSearch, driving_joints
from diffproxy.fitting.pipeline import Subject, solve
from diffproxy.fitting.result import FitResult, Status
from diffproxy.fitting.terms.correspondences import sample_correspondences
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.fitting.terms.priors import Prior, default_priors, pose_penalty
from diffproxy.fitting.terms.silhouette import Silhouette
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError

TRUSTED = 0.35
"""A given start whose `disagreement` is below this is taken as it is: a miss of 9 cm all over, or a third outliers."""
CONTRADICTED = 0.05
"""A closed form with a `disagreement` beyond this is looked at again limb by limb: exact proxies never pay for that."""


def fit(
    maps: ProxyMaps,
    body: BodyModel,
    config: FitConfig | None = None,
    start: BodyParams | None = None,
    shape: Tensor | None = None,
    priors: list[Prior] | None = None,
    scale: float | None = None,
    keypoints: Keypoints | None = None,
) -> FitResult:
    """Fit one subject; see `fit_many`."""
    starts: list[BodyParams | None] | None = None if start is None else [start]
    return fit_many([maps], body, config, starts, shape, priors, scale, [keypoints])[0]


def fit_many(
    maps: list[ProxyMaps],
    body: BodyModel,
    config: FitConfig | None = None,
    starts: list[BodyParams | None] | None = None,
    shape: Tensor | None = None,
    priors: list[Prior] | None = None,
    scale: float | None = None,
    keypoints: Sequence[Keypoints | None] | None = None,
) -> list[FitResult]:
    """Fit subjects (or frames) as one batch.

    starts: first guesses (previous frames), one per subject, None where there is none: the closed form serves then.
    shape: betas (10,) to be kept fixed for all: what a person's other frames have shown. `scale` then stays fixed too,
    at the given value, by default that of the first guess, else 1. priors: least-squares terms in place of the
    default ones. keypoints: of each subject, in pixels of its maps, fitted together with the proxies.
    Bad proxies (empty, NaN, contradictory) give a status, never an exception; cameras with distortion raise InputError.
    """
    config = config or FitConfig()
    if starts is not None and len(starts) != len(maps):
        raise InputError(
            f"{len(maps)} first guesses", f"{len(starts)}", "pass one per subject, None where unknown"
        )
    results: dict[int, FitResult] = {}
    subjects: list[tuple[int, Subject]] = []
    for i, m in enumerate(maps):
        prepared = _prepare(
            m, body, config, starts[i] if starts else None, shape, scale, keypoints[i] if keypoints else None
        )
        if isinstance(prepared, FitResult):
            results[i] = prepared
        else:
            subjects += [(i, s) for s in prepared]
    if subjects:
        terms = default_priors(body.v_template, config) if priors is None else priors
        fitted = solve([s for _, s in subjects], body, config, terms, fixed_shape=shape is not None)
        for (i, _), result in zip(subjects, fitted, strict=True):
            if i not in results or not results[i].objective <= result.objective:
                results[i] = result
    return [results[i] for i in range(len(maps))]


def _prepare(
    maps: ProxyMaps,
    body: BodyModel,
    config: FitConfig,
    start: BodyParams | None,
    shape: Tensor | None,
    scale: float | None,
    keypoints: Keypoints | None,
) -> list[Subject] | FitResult:
    """Correspondences and first guess (several where one view leaves several), or why there is nobody to fit."""
    if any(c.distortion.size and np.any(c.distortion) for c in maps.cameras):
        raise InputError(
            "proxy maps of pinhole cameras",
            "a camera with lens distortion",
            "undistort images before cropping them",
        )
    began = time.perf_counter()
    found = sample_correspondences(maps, body, config.max_pixels, config.min_weight, config.hands)
    counts = np.bincount(found.view, minlength=maps.num_views)
    is_body = np.array([k == "body" for k in maps.kind], dtype=bool)
    seeing = (counts >= config.min_pixels) & is_body
    took = {"correspondences": time.perf_counter() - began}
    rest = BodyParams.rest(1, dtype=body.v_template.dtype, device=body.v_template.device)
    if shape is not None:
        if scale is None:
            scale = 1.0 if start is None else float(start.scale)
        betas = shape.to(rest.betas).reshape(1, 10)
        rest = rest.replace(betas=betas, scale=torch.full_like(rest.scale, scale))
    if not seeing.any():
        most = int(counts[is_body].max()) if is_body.any() else 0
        reason = f"no view shows {config.min_pixels} usable foreground pixels of a body (most: {most})"
        return _unfitted(body, rest, "no_person", reason, took)
    began = time.perf_counter()
    if start is not None:
        start = start.to(rest.betas.device, rest.betas.dtype)
        start = start if shape is None else start.replace(betas=rest.betas, scale=rest.scale)
    driving_joint = driving_joints(body, found.label)
    sides = LabelFlips.of(found, body, driving_joint)
    free_scale = config.fit_scale and shape is None
    guesses = _first_guesses(maps, body, config, sides, start, rest, free_scale, int(seeing.sum()) == 1)
    outline = Silhouette(maps, found, body, config.min_pixels)
    took["start"] = time.perf_counter() - began
    centers = [body.joints(guess)[0, 0].double().cpu().numpy() for guess in guesses]
    subjects = [
        Subject(
            maps,
            found,
            int(seeing.sum()),
            guess,
            center,
            driving_joint,
            dict(took),
            sides,
            outline,
            keypoints=keypoints,
        )
        for guess, center in zip(guesses, centers, strict=True)
        if np.isfinite(center).all()
    ]
    return subjects or _unfitted(body, rest, "failed", "the first guess is not finite", took)


def _first_guesses(
    maps: ProxyMaps,
    body: BodyModel,
    config: FitConfig,
    sides: LabelFlips,
    start: BodyParams | None,
    rest: BodyParams,
    free_scale: bool,
    one_view: bool,
) -> list[BodyParams]:
    """The given start if it agrees with the proxies; else the better of it and the closed form.

    Where one view alone shows the person, other places of the trunk are tried as well: depth may be read both ways.
    """
    lost, found, penalty = 1.0, sides.own, pose_penalty()
    if start is not None:
        lost = disagreement(body, found, maps.cameras, start)
        if lost < TRUSTED:
            return [start]
    search = SegmentSearch(body, found, maps.cameras, penalty, rest, config.num_initial_rotations)
    guesses = []
    for choice in range(config.num_restarts if one_view else 1):
        fresh = closed_form_pose(search, rest, free_scale, choice)
        if config.left_right_flips and disagreement(body, found, maps.cameras, fresh) > CONTRADICTED:
            both = SegmentSearch(
                body, sides.doubled(OTHER), maps.cameras, penalty, rest, config.num_initial_rotations
            )
            fresh = search_limbs(LimbBeamSearch(both, sides), fresh) or fresh
        guesses.append(fresh)
    if start is not None and lost < disagreement(body, found, maps.cameras, guesses[0]):
        return [start]
    return guesses


def _unfitted(
    body: BodyModel, rest: BodyParams, status: Status, reason: str, timings: dict[str, float]
) -> FitResult:
    joints = body.joints(rest)[0].cpu().numpy()
    return FitResult(rest, joints, np.full(55, np.inf, dtype=np.float32), status, reason, timings=timings)
