"""Stage 3 of a fit: the least-squares problem of all subjects, as one batch of bodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.fitting.config import FitConfig, Stage, schedule
from diffproxy.fitting.gather_correspondences import ObservedSubject
from diffproxy.fitting.initialization.initialize import InitialState
from diffproxy.fitting.skeleton import Skeleton
from diffproxy.fitting.state import State, centered, in_world
from diffproxy.fitting.terms.priors import Prior


@dataclass(frozen=True)
class Problem:
    """One batch of B bodies to solve for; a subject with several hypotheses has several bodies.

    Attributes:
        initial: What stage 2 found, subject by subject.
        owner: Of each body, its subject in `initial`.
        body: Body model that is fitted.
        observed_body: The same with a face for each keypoint, where there are any: observations refer to its faces.
        skeleton: Joint tree of the body.
        start: Where the bodies start, relative to `centers`.
        centers: World positions of the pelvises at the start, metres. All computation is relative to them, so that
            single precision serves far away from the world's origin.
        priors: Least-squares terms beside the observations.
        stages: Solver stages, in order.
        config: Options of the fit.
    """

    initial: tuple[InitialState, ...]
    owner: tuple[int, ...]
    body: BodyModel
    observed_body: BodyModel
    skeleton: Skeleton
    start: State
    centers: Float[np.ndarray, "B 3"]
    priors: tuple[Prior, ...]
    stages: tuple[Stage, ...]
    config: FitConfig

    @property
    def subjects(self) -> list[ObservedSubject]:
        """The subject of each body."""
        return [self.initial[i].subject for i in self.owner]

    def to_world(self, state: State) -> BodyParams:
        """Parameters of a state, with translations in world coordinates, metres."""
        return in_world(state, self.centers)


def build_problem(
    initial: Sequence[InitialState],
    body: BodyModel,
    config: FitConfig,
    priors: Sequence[Prior],
    fixed_shape: bool = False,
) -> Problem:
    """Collect the hypotheses of all subjects into one batch.

    Args:
        initial: What stage 2 found, subject by subject.
        body: Body model.
        config: Options of the fit.
        priors: Least-squares terms beside the observations.
        fixed_shape: Keep betas and scale as they start.

    Returns:
        The problem, of no bodies if no subject has a hypothesis.
    """
    owner = tuple(i for i, state in enumerate(initial) for _ in state.hypotheses)
    hypotheses = [params for state in initial for params in state.hypotheses]
    like = body.v_template
    centers = np.zeros((len(hypotheses), 3))
    params = BodyParams.rest(0, dtype=like.dtype, device=like.device)
    if hypotheses:
        centers = np.stack([body.joints(p)[0, 0].double().cpu().numpy() for p in hypotheses])
        params = BodyParams.cat(hypotheses)
    keypoints = (initial[i].subject.keypoints for i in owner)
    return Problem(
        initial=tuple(initial),
        owner=owner,
        body=body,
        observed_body=next((k.body for k in keypoints if k is not None), body),
        skeleton=Skeleton(body, params.expression),
        start=centered(params, centers),
        centers=centers,
        priors=tuple(priors),
        stages=tuple(schedule(config, not fixed_shape, config.hands)),
        config=config,
    )
