"""Another start for a fitted body some of whose limbs contradict their pixels or keypoints."""

from __future__ import annotations

from dataclasses import replace

from diffproxy.body import BodyModel
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.initialization.initialize import InitialState, other_limbs
from diffproxy.fitting.initialization.keypoint_limbs import limbs_at_keypoints
from diffproxy.fitting.result import FitResult

MIN_LOSS = 0.04
"""Mean robust loss of a fit below which pixels give no reason for a search. Exact proxies stay far below it."""


def search_again(
    state: InitialState, body: BodyModel, config: FitConfig, fitted: FitResult
) -> InitialState | None:
    """Search the limbs of a fitted body that pixels contradict, and turn those that keypoints put elsewhere.

    The closed form places limbs before the solver has found the trunk and the shape; a raised leg may be taken for
    something else there, and the solver does not get from one minimum to the other.

    Args:
        state: What the fit started from.
        body: Body model.
        config: Options of the search.
        fitted: Where the solver arrived.

    Returns:
        The state with the bodies that have other poses of these limbs as its only hypotheses; None if there are none.
    """
    if not fitted.has_body:
        return None
    params, subject = fitted.params, state.subject
    found = []
    if config.left_right_flips and fitted.robust_loss > MIN_LOSS:
        rest = state.rest.replace(betas=params.betas, scale=params.scale)
        found.append(other_limbs(subject, body, config, rest, params))
    if subject.keypoints is not None:
        found.append(limbs_at_keypoints(params, body, subject.keypoints, subject.maps.cameras))
    hypotheses = tuple(other for other in found if other is not None)
    return replace(state, hypotheses=hypotheses) if hypotheses else None
