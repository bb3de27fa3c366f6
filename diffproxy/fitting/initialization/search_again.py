"""Another start for a fitted body some of whose limbs leave their pixels unexplained."""

from __future__ import annotations

from dataclasses import replace

from diffproxy.body import BodyModel
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.initialization.initialize import InitialState, other_limbs
from diffproxy.fitting.result import FitResult

MIN_LOSS = 0.04
"""Mean robust loss of a fit below which no limb is searched again. Exact proxies stay far below it."""


def search_again(
    state: InitialState, body: BodyModel, config: FitConfig, fitted: FitResult
) -> InitialState | None:
    """Search the limbs of a fitted body whose pixels contradict it.

    The closed form places limbs before the solver has found the trunk and the shape; a raised leg may be taken for
    something else there, and the solver does not get from one minimum to the other.

    Args:
        state: What the fit started from.
        body: Body model.
        config: Options of the search.
        fitted: Where the solver arrived.

    Returns:
        The state with the body that has other poses of these limbs as its only hypothesis; None where no limb
        contradicts its pixels, or no better pose was found.
    """
    if not (config.left_right_flips and fitted.has_body and fitted.robust_loss > MIN_LOSS):
        return None
    params = fitted.params
    rest = state.rest.replace(betas=params.betas, scale=params.scale)
    found = other_limbs(state.subject, body, config, rest, params)
    return None if found is None else replace(state, hypotheses=(found,))
