"""The paper's optimiser (section 4.1): Adam on axis-angle pose by automatic differentiation. The slow reference."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.fitting.solvers.levenberg_marquardt import Report
from diffproxy.fitting.state import BETAS, LOG_SCALE, TANGENT_DIM, TRANSL, Free, State
from diffproxy.fitting.terms.priors import Prior, prior_cost
from diffproxy.fitting.terms.reprojection import Noise, Reprojection
from diffproxy.geometry.so3 import rotvec_to_rotmat

RATES = {"pose": 0.02, "betas": 0.05, "log_scale": 0.01, "transl": 0.01}
"""Step sizes while residuals are of the order of `COARSE`: radians, standard deviations, ratio, metres."""
COARSE = 0.04
"""Metres; stages with a smaller unit take proportionally smaller steps."""
WINDOW = 20
"""Adam's cost is not monotone: decreases are judged over this many iterations."""


def _rates(like: Tensor) -> Float[Tensor, "179"]:
    rate = torch.full((TANGENT_DIM,), RATES["pose"], dtype=like.dtype, device=like.device)
    rate[BETAS], rate[LOG_SCALE], rate[TRANSL] = RATES["betas"], RATES["log_scale"], RATES["transl"]
    return rate


def adam(
    data: Reprojection,
    priors: list[Prior],
    state: State,
    free: Free,
    noise: Noise,
    iterations: int = 300,
    tolerance: float = 0.01,
) -> tuple[State, Report]:
    """Minimise the cost of `levenberg_marquardt` by Adam; the variables are scaled by their step sizes.

    One rate, halved three times along the way, serves them all.

    Args:
        data: The data term of B bodies.
        priors: Least-squares terms beside it.
        state: Where to start.
        free: The variables that may change.
        noise: Standard deviation and robust scale of every residual, metres.
        iterations: Largest number of steps.
        tolerance: A body has converged when `WINDOW` steps lower its cost by less than this share.

    Returns:
        The last state, and what the run did.
    """
    rate = _rates(state.betas)
    pace = float((noise.sigma.mean() / COARSE).clamp(0.02, 1.0))
    packed = torch.cat(
        [state.rotvecs().flatten(1), state.betas, state.log_scale[:, None], state.transl], dim=-1
    ).detach()
    columns = free.columns().to(packed.device)
    x = (packed[:, columns] / rate[columns]).requires_grad_()

    def unpack(x: Tensor) -> tuple[State, Tensor]:
        full = packed.index_copy(1, columns, x * rate[columns])
        rotations = rotvec_to_rotmat(full[:, :165].unflatten(1, (55, 3)))
        moved = State(rotations, full[:, BETAS], full[:, LOG_SCALE], full[:, TRANSL], state.expression)
        return moved, full[:, :176]

    optimiser = torch.optim.Adam([x], lr=1.0)
    best_x, best = x.detach().clone(), torch.full_like(packed[:, 0], torch.inf)
    history: list[Tensor] = []
    used, done = 0, torch.zeros_like(best, dtype=torch.bool)
    for used in range(1, iterations + 1):
        optimiser.param_groups[0]["lr"] = pace * 0.5 ** (4 * used // (iterations + 1))
        optimiser.zero_grad()
        moved, variables = unpack(x)
        cost = data.cost(moved, noise) + prior_cost(priors, variables)
        better = cost.detach() < best
        best = torch.where(better, cost.detach(), best)
        best_x = torch.where(better[:, None], x.detach(), best_x)
        history.append(best)
        if len(history) > WINDOW:
            done = (history[-1 - WINDOW] - best) <= tolerance * best
            if bool(done.all()):
                break
        cost.sum().backward()
        optimiser.step()
    return unpack(best_x)[0], Report(used, best, done)
