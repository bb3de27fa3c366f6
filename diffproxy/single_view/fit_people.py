"""The people of one picture from their dense proxies: bodies in metres and the focal length that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting import Evidence, FitConfig, FitResult, fit_many
from diffproxy.fitting.diagnose import diagnose
from diffproxy.fitting.gather_correspondences import gather_correspondences
from diffproxy.fitting.initialization.initialize import InitialState
from diffproxy.fitting.problem import build_problem
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.fitting.terms.priors import default_priors
from diffproxy.geometry.boxes import Box
from diffproxy.proxies import ProxyMaps
from diffproxy.single_view.coarse_body import CoarseBodies, CoarseBody
from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.picture_camera import with_focal
from diffproxy.single_view.shared_focal import fit_shared_focal

MIN_CONFIDENCE_FITTED = 0.05
"""Of the regressor, below which a fitted body is `doubtful` too: of 115 single views of unseen subjects of the training
split, 8 of the 27 whose PA-MPJPE is above 100 mm, and 2 of the 73 below 70 mm."""


@dataclass(frozen=True)
class Observed:
    """What a picture shows of one person.

    Attributes:
        maps: Dense proxies in crops of the picture.
        keypoints: Keypoints in pixels of the maps that are fitted together with the proxies.
        detected: All 17 keypoints of the encoder, in pixels of the maps, for the regressor.
        boxes: The crops, in pixels of the picture.
        notes: What happened on the way to the proxies.
    """

    maps: ProxyMaps
    keypoints: Keypoints | None = None
    detected: Float[np.ndarray, "V 17 4"] | None = None
    boxes: tuple[Box, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FittedPerson:
    """A person of the picture.

    Attributes:
        result: The body, in metres in the camera's axes (x right, y down, z forward).
        observed: The proxies, with cameras of the estimated focal length; None: the body is the regressor's.
    """

    result: FitResult
    observed: Observed | None

    @property
    def depth(self) -> float:
        """Depth of the pelvis, metres; NaN without a body."""
        return float(self.result.joints[0, 2]) if self.result.has_body else float("nan")

    @property
    def depth_std(self) -> float:
        """Its standard deviation: stature, focal length and proxies (nearly all of the pelvis' deviation is depth)."""
        return float(self.result.joint_std[0]) if self.result.has_body else float("inf")


@dataclass(frozen=True)
class PeopleFit:
    """All people of a picture.

    Attributes:
        people: One for each person that was passed.
        focal: Focal length, pixels of the picture.
        log_std: Standard deviation of its natural logarithm; 0 where it was given.
    """

    people: tuple[FittedPerson, ...]
    focal: float
    log_std: float


def fit_people(
    people: Sequence[Observed],
    body: BodyModel,
    prior: FocalPrior,
    config: FitConfig,
    starts: Sequence[BodyParams | None] | None = None,
    coarse: CoarseBodies | None = None,
) -> PeopleFit:
    """Fit all people of a picture and their focal length.

    Args:
        people: Proxies of each person; the cameras of the maps have the focal length `prior.focal` and the identity as
            their pose.
        body: Body model.
        prior: What is known of the focal length; it is estimated unless it is fixed.
        config: Options of the fitter.
        starts: A guess for each person, such as the body of the previous frame.
        coarse: The regressor, whose bodies compete with the closed form as starts; fits of people whose keypoints show
            no likely body are `doubtful`.

    Returns:
        The people in the order given, with a status each, and the focal length.
    """
    guesses = [[] if coarse is None else coarse.of_views(p.maps, p.boxes, p.detected) for p in people]
    given = zip(people, starts or [None] * len(people), guesses, strict=True)
    evidence = [Evidence(p.keypoints, start, [c.params for c in found]) for p, start, found in given]
    results = fit_many([p.maps for p in people], body, config, evidence)
    fitted = [i for i, r in enumerate(results) if r.has_body]
    if not fitted or prior.fixed:
        results = [_less_sure(r, prior.log_std * abs(float(r.joints[0, 2]))) for r in results]
        return PeopleFit(_people(results, people, guesses), prior.focal, prior.log_std)
    initial = [_initial(people[i], results[i], body, config) for i in fitted]
    problem = build_problem(initial, body, config, default_priors(body.v_template, config))
    joint = fit_shared_focal(problem, 0.0, prior.log_std)
    maps = [_refocused(p.maps, joint.factor) for p in people]
    solution = joint.solution
    moved = tuple(
        replace(s, subject=replace(s.subject, maps=maps[i])) for s, i in zip(initial, fitted, strict=True)
    )
    solution = replace(solution, problem=replace(problem, initial=moved))
    for row, (i, result) in enumerate(zip(fitted, diagnose(solution), strict=True)):
        of_focal = joint.log_std * np.linalg.norm(joint.joint_shift[row], axis=-1)
        timings = {**results[i].timings, **result.timings}
        results[i] = _less_sure(replace(result, timings=timings), of_focal)
    refocused = [replace(p, maps=m) for p, m in zip(people, maps, strict=True)]
    return PeopleFit(_people(results, refocused, guesses), prior.focal * joint.factor, joint.log_std)


def _less_sure(result: FitResult, shift: float | Float[np.ndarray, "55"]) -> FitResult:
    """The body with a further deviation (metres) of its joints, all along the optical axis."""
    return replace(result, joint_std=np.hypot(result.joint_std, shift).astype(np.float32))


def _initial(person: Observed, result: FitResult, body: BodyModel, config: FitConfig) -> InitialState:
    subject = gather_correspondences(person.maps, body, config, person.keypoints)
    return InitialState(subject, BodyParams.rest(1), (result.params,), "ok", "", {})


def _people(
    results: Sequence[FitResult], people: Sequence[Observed], guesses: Sequence[Sequence[CoarseBody]]
) -> tuple[FittedPerson, ...]:
    rows = zip(results, people, guesses, strict=True)
    return tuple(FittedPerson(_doubted(result, found), person) for result, person, found in rows)


def _doubted(result: FitResult, found: Sequence[CoarseBody]) -> FitResult:
    """The body, `doubtful` where the regressor is not sure of any pose."""
    confidence = max((c.confidence for c in found), default=1.0)
    if confidence >= MIN_CONFIDENCE_FITTED or result.status != "one_view":
        return result
    reason = f"the keypoints show no likely body ({100 * confidence:.0f} % sure)"
    return replace(result, status="doubtful", reason="; ".join(filter(None, (result.reason, reason))))


def _refocused(maps: ProxyMaps, factor: float) -> ProxyMaps:
    return replace(maps, cameras=tuple(with_focal(c, factor) for c in maps.cameras))
