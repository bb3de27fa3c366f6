"""Levenberg-Marquardt on the manifold of bodies, batched: every body has its own damping and its own verdict."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.fitting.state import TANGENT_DIM, Free, State
from diffproxy.fitting.terms.priors import Prior, prior_cost, prior_normal, variables_of
from diffproxy.fitting.terms.reprojection import Noise, Normal, Reprojection

DAMPING = 1e-3
"""Of the first step, relative to the diagonal of the normal matrix."""


@dataclass
class Report:
    """What a run did, over the B bodies."""

    iterations: int
    cost: Float[Tensor, " B"]
    converged: Bool[Tensor, " B"]


def total_normal(data: Reprojection, priors: list[Prior], state: State, free: Free, noise: Noise) -> Normal:
    """Data and priors, restricted to the free unknowns."""
    columns = free.columns().to(state.betas.device)
    a = data.linearise(state, free, noise)
    b = prior_normal(priors, state, columns)
    return Normal(a.H + b.H, a.g + b.g, a.cost + b.cost)


def solve_damped(normal: Normal, damping: Float[Tensor, " B"]) -> Float[Tensor, "B P"]:
    """The step of `(H + damping diag H) d = -g`, in double precision; zero where the matrix is not finite."""
    H, g = normal.H.double(), normal.g.double()
    diagonal = H.diagonal(dim1=-2, dim2=-1)
    floor = 1e-9 * diagonal.amax(-1, keepdim=True).clamp_min(1e-9)
    H = H + torch.diag_embed(damping.double()[:, None] * diagonal + floor)
    factor, failed = torch.linalg.cholesky_ex(torch.nan_to_num(H))
    bad = (failed != 0) | ~torch.isfinite(normal.cost)
    factor = torch.where(bad[:, None, None], torch.eye(H.shape[-1], dtype=H.dtype, device=H.device), factor)
    step = torch.cholesky_solve(-torch.nan_to_num(g)[..., None], factor)[..., 0]
    return torch.where(bad[:, None], torch.zeros_like(step), step).to(normal.g.dtype)


def levenberg_marquardt(
    data: Reprojection,
    priors: list[Prior],
    state: State,
    free: Free,
    noise: Noise,
    iterations: int,
    tolerance: float = 1e-3,
) -> tuple[State, Report]:
    """Minimise robust reprojection plus priors.

    Args:
        data: The data term of B bodies.
        priors: Least-squares terms beside it.
        state: Where to start.
        free: The variables that may change.
        noise: Standard deviation and robust scale of every residual, metres.
        iterations: Largest number of steps.
        tolerance: A body has converged when one step lowers its cost by less than this share, or no step helps.

    Returns:
        The state of least cost, and what the run did.
    """
    columns = free.columns().to(state.betas.device)
    normal = total_normal(data, priors, state, free, noise)
    cost = normal.cost
    lam = torch.full_like(cost, DAMPING)
    done = torch.zeros_like(cost, dtype=torch.bool)
    used = 0
    for used in range(1, iterations + 1):
        step = state.betas.new_zeros(len(done), TANGENT_DIM)
        step[:, columns] = solve_damped(normal, lam)
        tried = state.retract(step)
        fresh = data.cost(tried, noise) + prior_cost(priors, variables_of(tried))
        better = (fresh <= cost) & torch.isfinite(fresh) & ~done
        small = (cost - fresh).abs() <= tolerance * cost
        done |= small | (~better & (lam > 1e4))
        state = tried.where(better, state)
        cost = torch.where(better, fresh, cost)
        lam = torch.where(better, (lam * 0.2).clamp_min(1e-7), lam * 10.0)
        if bool(done.all()) or used == iterations:
            break
        if bool(better.any()):
            normal = total_normal(data, priors, state, free, noise)
    return state, Report(used, cost, done)
