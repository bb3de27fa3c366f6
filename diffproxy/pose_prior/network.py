"""The noise-predicting networks, with the state-dict layout of the published DPoser-X checkpoints."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from diffproxy.pose_prior.sde import alpha, sigma

BODY, HAND = 63, 45
SIGMA_MAX, SIGMA_MIN, STEPS = 50.0, 0.01, 1000


@dataclass(frozen=True)
class NetConfig:
    """Sizes of one network. `scaled`: outputs are divided by the table `sigmas` at step 999 t, as in published ones."""

    dim: int
    hidden: int = 1024
    embed: int = 512
    scaled: bool = True
    dropout: float = 0.1
    input: int = 0
    """Width of what goes in, where it is not `dim`."""
    linear: bool = False
    """Learn only what a Gaussian of the poses does not explain already."""


def embedding(steps: Float[Tensor, " B"], width: int) -> Float[Tensor, "B E"]:
    """Sines, then cosines, of steps at `width / 2` frequencies from 1 down to 1/10000."""
    half = width // 2
    rates = torch.exp(
        torch.arange(half, dtype=torch.float32, device=steps.device) * -(math.log(1e4) / (half - 1))
    )
    angles = steps.float()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class GaussianNoise(nn.Module):
    """The best prediction of the noise if clean poses are Gaussian: linear in the noisy pose, without training."""

    mean: Tensor
    axes: Tensor
    variance: Tensor

    def __init__(self, dim: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("axes", torch.eye(dim))
        self.register_buffer("variance", torch.ones(dim))

    def set(self, mean: Float[Tensor, " D"], covariance: Float[Tensor, "D D"]) -> None:
        """Set mean (D,) and covariance (D, D) of the clean poses, normalised units."""
        variance, axes = torch.linalg.eigh(covariance.double())
        self.mean.copy_(mean)
        self.axes.copy_(axes)
        self.variance.copy_(variance.clamp_min(1e-6))

    def forward(self, x: Float[Tensor, "B D"], t: Float[Tensor, " B"]) -> Float[Tensor, "B D"]:
        a, s = alpha(t)[:, None], sigma(t)[:, None]
        share = s / (a.square() * self.variance + s.square())
        return ((x - a * self.mean) @ self.axes * share) @ self.axes.T


class TimeNet(nn.Module):
    """A residual multilayer perceptron with time embedding: vector to vector (TimeFC in the reference).

    Two residual blocks of twice [linear + linear of the time, group norm, SiLU, dropout]. Layers must be created in
    this
    order: averaged weights of published checkpoints are a list in this order.
    """

    sigmas: Tensor

    def __init__(self, config: NetConfig):
        super().__init__()
        self.config = config
        h, e = config.hidden, config.embed
        self.pre_dense = nn.Linear(config.input or config.dim, h)
        self.pre_dense_t = nn.Linear(e, h)
        self.pre_gnorm = nn.GroupNorm(32, h)
        self.shared_time_embed = nn.Sequential(nn.Linear(e, e))
        self.layers = [f"b{b}_{{}}{i}" for b in (1, 2) for i in (1, 2)]
        for name in self.layers:
            setattr(self, name.format("dense"), nn.Linear(h, h))
            setattr(self, name.format("dense") + "_t", nn.Linear(e, h))
            setattr(self, name.format("gnorm"), nn.GroupNorm(32, h))
        self.post_dense = nn.Linear(h, config.dim)
        table = torch.linspace(math.log(SIGMA_MAX), math.log(SIGMA_MIN), STEPS, dtype=torch.float64).exp()
        self.register_buffer("sigmas", table.float())
        self.linear = GaussianNoise(config.dim) if config.linear else None
        if config.linear:  # initialise as the Gaussian
            nn.init.zeros_(self.post_dense.weight)
            nn.init.zeros_(self.post_dense.bias)

    def forward(self, x: Float[Tensor, "B I"], t: Float[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """The unit noise (B, D) in `x` at times t (B,) in (0, 1]."""
        steps = (STEPS - 1) * t
        time = F.silu(self.shared_time_embed(embedding(steps, self.config.embed).to(x.dtype)))
        h = self._layer("pre_dense", "pre_gnorm", x, time)
        for first, second in (self.layers[:2], self.layers[2:]):
            inner = self._layer(first.format("dense"), first.format("gnorm"), h, time)
            h = h + self._layer(second.format("dense"), second.format("gnorm"), inner, time)
        out = self.post_dense(h)
        out = out / self.sigmas[steps.long()][:, None] if self.config.scaled else out
        return out if self.linear is None else out + self.linear(x, t)

    def _layer(self, dense: str, norm: str, x: Tensor, time: Tensor) -> Tensor:
        modules = self._modules
        h = F.silu(modules[norm](modules[dense](x) + modules[dense + "_t"](time)))
        return F.dropout(h, self.config.dropout, self.training)


class WholeBodyNet(nn.Module):
    """Body, left hand (mirrored), right hand: one network for the body, one for both hands; 153 values, or 63.

    `correction` and `face` complete the published whole-body model: the correction gets the first features of all four
    parts. There is no face here, so it is masked, as in the training of that model.
    """

    def __init__(
        self,
        body: TimeNet,
        hand: TimeNet | None = None,
        face: TimeNet | None = None,
        correction: TimeNet | None = None,
    ):
        super().__init__()
        self.body, self.hand, self.face, self.correction = body, hand, face, correction
        if correction is not None:
            self.output = nn.Linear(correction.config.dim, correction.config.dim)

    @property
    def dim(self) -> int:
        return BODY if self.hand is None else BODY + 2 * HAND

    def forward(self, x: Float[Tensor, "B D"], t: Float[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """The unit noise (B, D) in normalised poses at times t (B,)."""
        if self.hand is None:
            return self.body(x, t)
        parts = x.split([BODY, HAND, HAND], dim=1)
        hands = self.hand(torch.cat(parts[1:]), torch.cat([t, t]))
        out = torch.cat([self.body(parts[0], t), *hands.chunk(2)], dim=1)
        if self.correction is None or self.face is None:
            return out
        blank = x.new_zeros(len(x), self.face.config.dim)
        nets = (self.body, self.hand, self.hand, self.face)
        features = [n.pre_dense(p) for n, p in zip(nets, (*parts, blank), strict=True)]
        return out + self.output(self.correction(torch.cat(features, dim=1), t))[:, : self.dim]
