"""Levenberg-Marquardt on the manifold of bodies, batched: every body has its own damping and its own verdict."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.fitting.priors import Prior, prior_normal
from diffproxy.fitting.residuals import Noise, Normal, Reprojection
from diffproxy.fitting.state import TANGENT_DIM, Free, State


@dataclass
class Report:
    """What a run did, over the B bodies."""

    iterations: int
    cost: Float[Tensor, "B"]
    converged: Bool[Tensor, "B"]


def total_normal(data: Reprojection, priors: list[Prior], state: State, free: Free, noise: Noise) -> Normal:
    """Data and priors, restricted to the free unknowns."""
    columns = free.columns().to(state.betas.device)
    a = data.linearise(state, free, noise)
    b = prior_normal(priors, state, columns)
    return Normal(a.H + b.H, a.g + b.g, a.cost + b.cost)


def solve_damped(normal: Normal, damping: Float[Tensor, "B"]) -> Float[Tensor, "B P"]:
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
    damping: float = 1e-3,
) -> tuple[State, Report]:
    """Minimise robust reprojection plus priors over `free`.

    A body has converged when its cost falls by less than `tolerance` (relative) in one step, or no step helps.
    """
    columns = free.columns().to(state.betas.device)
    normal = total_normal(data, priors, state, free, noise)
    lam = torch.full_like(normal.cost, damping)
    done = torch.zeros_like(normal.cost, dtype=torch.bool)
    used = 0
    for used in range(1, iterations + 1):  # noqa: B007  (the count is reported)
        step = state.betas.new_zeros(len(done), TANGENT_DIM)
        step[:, columns] = solve_damped(normal, lam)
        tried = state.retract(step)
        fresh = total_normal(data, priors, tried, free, noise)
        better = (fresh.cost <= normal.cost) & torch.isfinite(fresh.cost) & ~done
        small = (normal.cost - fresh.cost).abs() <= tolerance * normal.cost
        done |= small | (~better & (lam > 1e4))
        state = tried.where(better, state)
        normal = Normal(
            torch.where(better[:, None, None], fresh.H, normal.H),
            torch.where(better[:, None], fresh.g, normal.g),
            torch.where(better, fresh.cost, normal.cost),
        )
        lam = torch.where(better, (lam * 0.2).clamp_min(1e-7), lam * 10.0)
        if bool(done.all()):
            break
    return state, Report(used, normal.cost, done)
