"""Priors as least-squares terms: unit-variance residuals of axis-angle pose, betas and log scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.pose_statistics import pose_statistics
from diffproxy.fitting.state import BETAS, LOG_SCALE, TANGENT_DIM, VARIABLES_DIM, State
from diffproxy.fitting.terms.diffusion_prior import DiffusionPrior
from diffproxy.fitting.terms.reprojection import Normal
from diffproxy.geometry.so3 import left_jacobian_inverse
from diffproxy.pose_prior import load_prior
from diffproxy.utils.checked import checked, unchecked
from diffproxy.utils.short_repr import short_repr


@runtime_checkable
class Prior(Protocol):
    """Any term that can be written as a residual vector; its cost is half its squared length.

    A network prior with a stopped gradient (`residual = w (x - denoised(x).detach())`) fits: its Jacobian is `w I`.
    """

    def residual(self, variables: Float[Tensor, "B 176"]) -> Float[Tensor, "B R"]:
        """Differentiable by autograd (the Adam solver needs no more than this)."""
        ...

    def jacobian(self, variables: Float[Tensor, "B 176"]) -> Float[Tensor, "B R 176"]:
        """Derivative of `residual`, for the Gauss-Newton solver."""
        ...


@checked
@dataclass(frozen=True)
class LinearPrior:
    """`residual = A (variables[columns] - mean)`: a Gaussian with precision `AᵀA`."""

    columns: slice
    mean: Float[Tensor, " n"]
    A: Float[Tensor, "R n"]

    __repr__ = short_repr

    @unchecked
    def residual(self, variables: Float[Tensor, "B 176"]) -> Float[Tensor, "B R"]:
        return (variables[:, self.columns] - self.mean) @ self.A.T

    @unchecked
    def jacobian(self, variables: Float[Tensor, "B 176"]) -> Float[Tensor, "B R 176"]:
        full = variables.new_zeros(len(variables), self.A.shape[0], VARIABLES_DIM)
        full[:, :, self.columns] = self.A
        return full


def variables_of(state: State) -> Float[Tensor, "B 176"]:
    """What priors are defined on: 55 axis-angle rotations (radians), 10 betas, log scale."""
    return torch.cat([state.rotvecs().flatten(1), state.betas, state.log_scale[:, None]], dim=-1)


def prior_normal(priors: list[Prior], state: State, columns: Int[Tensor, " C"]) -> Normal:
    """Gauss-Newton model of all priors over the free `columns` of the tangent vector."""
    variables = variables_of(state)
    if not priors:
        zero = variables.new_zeros(len(variables), len(columns))
        return Normal(torch.diag_embed(zero), zero, zero.sum(-1))
    r = torch.cat([p.residual(variables) for p in priors], dim=1)
    J = torch.cat([p.jacobian(variables) for p in priors], dim=1)
    # axis-angle follows a tangent step through the inverse left Jacobian of each joint
    chain = left_jacobian_inverse(variables[:, :165].unflatten(1, (55, 3)))
    pose = J[:, :, :165].unflatten(2, (55, 3)).transpose(1, 2) @ chain
    place = J.new_zeros(*J.shape[:2], TANGENT_DIM - VARIABLES_DIM)
    J = torch.cat([pose.transpose(1, 2).flatten(2), J[:, :, BETAS.start :], place], dim=-1)[:, :, columns]
    Jt = J.transpose(1, 2)
    return Normal(Jt @ J, (Jt @ r[..., None])[..., 0], 0.5 * r.square().sum(-1))


def prior_cost(priors: list[Prior], variables: Float[Tensor, "B 176"]) -> Float[Tensor, " B"]:
    """Half the sum of squared residuals of all priors, for each body."""
    zero = variables.new_zeros(len(variables))
    return sum((0.5 * p.residual(variables).square().sum(-1) for p in priors), zero)


def default_priors(like: Tensor, config: FitConfig) -> list[Prior]:
    """Body and hand poses as `config.prior` says, betas, scale."""
    eye = torch.eye(10, dtype=like.dtype, device=like.device)
    zero = torch.zeros_like(eye[0])
    return [
        *pose_priors(like, config.prior, config.pose_weight, config.objective == "paper"),
        LinearPrior(BETAS, zero, eye / config.beta_std),
        LinearPrior(slice(LOG_SCALE, LOG_SCALE + 1), zero[:1], eye[:1, :1] / config.log_scale_std),
    ]


def pose_priors(like: Tensor, name: str, weight: float, published: bool = False) -> list[Prior]:
    """`none`; `gaussian`: statistics of the pose bank; `diffusion`: the packaged network; or the path of another."""
    if name == "none":
        return []

    def tensor(a: np.ndarray) -> Tensor:
        return torch.as_tensor(a, dtype=like.dtype, device=like.device)

    stats = pose_statistics()
    places = {"body": slice(3, 66), "left": slice(75, 120), "right": slice(120, 165)}
    gaussian: list[Prior] = [
        LinearPrior(place, tensor(stats[f"{k}_mean"]), weight * tensor(stats[f"{k}_root"]))
        for k, place in places.items()
    ]
    if name == "gaussian":
        return gaussian
    model = load_prior(None if name == "diffusion" else name).to(like.device)
    term = DiffusionPrior(model, weight, published=published)
    # a body alone: fingers stay Gaussian
    return [term] if model.net.hand is not None else [term, *gaussian[1:]]
