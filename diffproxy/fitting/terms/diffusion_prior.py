"""The diffusion prior as a least-squares term: one-step denoising with a stopped gradient, for both solvers.

With noise of spread s = sigma / alpha, `(x - denoised(x)) / s²` is minus the gradient of the log density of poses
blurred by s (Tweedie), in normalised units. So the residual `(x - denoised(x)) / s`, the denoised pose held fixed,
has that gradient: a prior in the same units as the data term, its negative log-likelihood. DPoser-X weights the square
of the same difference by `published_weight`; `published=True` does, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from diffproxy.fitting.state import VARIABLES_DIM
from diffproxy.fitting.terms.paper_objective import published_weight
from diffproxy.pose_prior import PosePrior
from diffproxy.pose_prior import sde as noise

FLATTEST = 0.25
"""Least curvature of a local model, normalised units: where the density is not concave, a deviation of 2."""


@dataclass(frozen=True)
class LocalGaussian:
    """`residual = A (variables[columns] - mean)`, for each body its own A and mean."""

    columns: Int64[Tensor, " n"]
    mean: Float[Tensor, "B n"]
    A: Float[Tensor, "B R n"]

    def residual(self, variables: Float[Tensor, "B 176"]) -> Float[Tensor, "B R"]:
        return (self.A @ (variables[:, self.columns] - self.mean)[..., None])[..., 0]

    def jacobian(self, variables: Float[Tensor, "B 176"]) -> Float[Tensor, "B R 176"]:
        full = variables.new_zeros(*self.A.shape[:2], VARIABLES_DIM)
        full[:, :, self.columns] = self.A
        return full


@dataclass(frozen=True)
class DiffusionPrior:
    """A pose prior for `fit`. Both solvers ask `around` for a term that belongs to where they are.

    times: diffusion time at the first and the last step of the fit (truncated annealing). curvature: local models know
    how the denoiser turns (its Jacobian), so an unseen limb gets there in one step and has its true spread; without,
    all directions are as stiff as 1 / s², as in the paper. draws: pairs of noise samples that a model is averaged over;
    0 denoises the pose itself.
    """

    model: PosePrior
    weight: float = 1.0
    times: tuple[float, float] = (0.35, 0.2)
    curvature: bool = True
    draws: int = 0
    published: bool = False
    """The loss is `weight * published_weight(t) * |x - denoised(x)|²`, as in DPoser-X and the paper's Eq. 7."""
    now: float = 1.0
    """How much of the fit is done, in [0, 1]."""
    generator: torch.Generator | None = None

    def columns(self) -> Int64[Tensor, " n"]:
        return torch.tensor(self.model.columns, device=self.model.mean.device)

    def time(self) -> float:
        return self.times[0] + (self.times[1] - self.times[0]) * self.now

    def factor(self) -> float:
        """Of the difference of a pose and its denoised pose, in the residual at this time."""
        if self.published:
            return (2 * self.weight * published_weight(self.time())) ** 0.5
        return self.weight / float(noise.spread(torch.tensor(self.time())))

    def around(
        self, variables: Float[Tensor, "B 176"], now: float, solver: str
    ) -> DiffusionPrior | LocalGaussian:
        """The term to use while `now` of the fit is done: for "lm" a quadratic model around `variables`."""
        here = replace(self, now=now)
        return here.local(variables) if solver == "lm" else here

    def residual(self, variables: Float[Tensor, "B 176"]) -> Float[Tensor, "B n"]:
        """Fresh noise at every call; the denoised pose is a constant for autograd."""
        x = self.model.normalise(variables[:, self.columns()].to(self.model.mean.dtype))
        t = x.new_full((len(x),), self.time())
        z = torch.randn(x.shape, generator=self.generator).to(x)
        with torch.no_grad():
            clean = self.model.denoise(noise.diffuse(x, t, z), t)
        return (self.factor() * (x - clean)).to(variables.dtype)

    def jacobian(self, variables: Float[Tensor, "B 176"]) -> Float[Tensor, "B n 176"]:
        """Of the residual with the denoised pose held fixed."""
        scale = self.factor() * self.model.signs / self.model.std
        full = variables.new_zeros(len(variables), len(scale), VARIABLES_DIM)
        full[:, :, self.columns()] = torch.diag(scale).to(variables)
        return full

    @torch.no_grad()
    def local(self, variables: Float[Tensor, "B 176"]) -> LocalGaussian:
        """A quadratic model of minus the log density around `variables`, never concave."""
        x = self.model.normalise(variables[:, self.columns()].to(self.model.mean.dtype))
        t = x.new_full((1,), self.time())
        s = float(noise.spread(t))
        score, hessian = self._shape(x, t, s)
        if hessian is None:
            target, root = x + s * s * score, torch.eye(x.shape[1]).to(x).expand(len(x), -1, -1) / s
        else:
            values, axes = torch.linalg.eigh(hessian)
            values = values.clamp(FLATTEST, 1 / (s * s))
            step = axes @ ((axes.transpose(1, 2) @ score[..., None]) / values[..., None])
            target, root = x + step[..., 0], values.sqrt()[..., None] * axes.transpose(1, 2)
        A = self.factor() * s * root * (self.model.signs / self.model.std)
        return LocalGaussian(self.columns(), self.model.radians(target).to(variables), A.to(variables))

    def _shape(self, x: Tensor, t: Tensor, s: float) -> tuple[Tensor, Tensor | None]:
        """Gradient (B, n) of the log density of blurred poses, and minus its second derivative (B, n, n)."""
        shifts = x.new_zeros(1, x.shape[1])
        if self.draws:
            z = torch.randn(self.draws, x.shape[1], generator=torch.Generator().manual_seed(0)).to(x)
            shifts = torch.cat([z, -z])
        rows = (x[:, None] + s * shifts).flatten(0, 1)
        many = t.expand(len(rows))
        clean = self.model.denoise(noise.alpha(t) * rows, many)
        score = (clean.unflatten(0, (len(x), -1)).mean(1) - x) / (s * s)
        if not self.curvature:
            return score, None
        J = denoiser_jacobian(self.model, rows, t).unflatten(0, (len(x), -1)).mean(1)
        hessian = (torch.eye(x.shape[1]).to(x) - 0.5 * (J + J.transpose(1, 2))) / (s * s)
        return score, hessian


def denoiser_jacobian(
    model: PosePrior, x: Float[Tensor, "B n"], t: Float[Tensor, "1"]
) -> Float[Tensor, "B n n"]:
    """Derivative of `denoise(alpha x, t)` by x, forward mode: independent parts are done by themselves."""

    def block(net: torch.nn.Module, rows: Tensor) -> Tensor:
        def clean(one: Tensor) -> Tensor:
            return one - noise.spread(t) * net(noise.alpha(t) * one[None], t)[0]

        return torch.func.vmap(torch.func.jacfwd(clean))(rows)

    net = model.net
    if net.correction is not None or net.hand is None:
        return block(net, x)
    body, left, right = x.split([net.body.config.dim, *[net.hand.config.dim] * 2], dim=1)
    hands = block(net.hand, torch.cat([left, right])).chunk(2)
    out, first = x.new_zeros(len(x), x.shape[1], x.shape[1]), 0
    for part in (block(net.body, body), *hands):
        last = first + part.shape[1]
        out[:, first:last, first:last] = part
        first = last
    return out


def localised(
    priors: Sequence[object], variables: Float[Tensor, "B 176"], now: float, solver: str = "lm"
) -> list:
    """Every prior as a term for this moment of the fit; those that never change stay what they are."""
    return [p.around(variables, now, solver) if hasattr(p, "around") else p for p in priors]
