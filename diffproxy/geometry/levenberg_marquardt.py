"""Levenberg-Marquardt on one problem whose linear model the caller solves (cameras, focal lengths).

Marquardt (1963), with the damping multiplied by fixed factors. `fitting.solvers.levenberg_marquardt` is its batched
counterpart: there each body of a batch has a damping and a stopping rule of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")
Propose = Callable[[float], State | None]
"""From a damping to the state after the damped step; None where the damped matrix cannot be inverted."""

INITIAL, SMALLEST, LARGEST = 1e-3, 1e-8, 1e6
ACCEPTED, REJECTED = 0.2, 10.0
"""Factors of the damping after a step that lowers the cost and after one that does not."""


@dataclass(frozen=True)
class Minimum(Generic[State]):
    """Where a minimisation ended; `converged`: by its tolerance, not by the number of iterations."""

    state: State
    cost: float
    iterations: int
    converged: bool


def minimize(
    state: State,
    cost: Callable[[State], float],
    linearize: Callable[[State], Propose[State]],
    iterations: int,
    tolerance: float,
) -> Minimum[State]:
    """Lower `cost` from `state`.

    Args:
        state: Where to begin; any object, it is only handed on.
        cost: Cost of a state; a state whose cost is not finite is never accepted.
        linearize: The linear model at a state, called once for each accepted state.
        iterations: Most steps that are tried.
        tolerance: Relative change of the cost below which the last step was enough.

    Returns:
        The state with the lowest cost of all that were tried.
    """
    lowest, damping = cost(state), INITIAL
    propose = linearize(state)
    for used in range(1, iterations + 1):
        tried = propose(damping)
        new = math.inf if tried is None else cost(tried)
        converged = abs(lowest - new) <= tolerance * lowest
        if tried is not None and new <= lowest:
            state, lowest, damping = tried, new, max(ACCEPTED * damping, SMALLEST)
            if not converged and used < iterations:
                propose = linearize(state)
        else:
            damping *= REJECTED
        if converged or damping > LARGEST:
            return Minimum(state, lowest, used, converged)
    return Minimum(state, lowest, iterations, False)
