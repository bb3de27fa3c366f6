"""Noise schedule: diffusers' DDIM with trailing spacing, and the conversions training needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.generator.config import GeneratorConfig

DDIM = Any  # a diffusers DDIMScheduler; its lazy imports show type checkers an empty class

DRAFT_STD = 0.35  # of a draft's errors in latents, root mean square: 0.36 measured on held-out subjects


def make_scheduler(config: GeneratorConfig) -> DDIM:
    from diffusers import DDIMScheduler

    return DDIMScheduler(**config.scheduler)


def signal_and_noise(scheduler: DDIM, t: Int[Tensor, "S"], like: Tensor) -> tuple[Tensor, Tensor]:
    """sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t), shaped to broadcast over `like` (S, ...)."""
    alpha = scheduler.alphas_cumprod.to(like.device)[t].to(torch.float32)
    alpha = alpha.view(-1, *[1] * (like.ndim - 1))
    return alpha.sqrt(), (1 - alpha).sqrt()


def add_noise(
    scheduler: DDIM, x0: Float[Tensor, "S *D"], noise: Float[Tensor, "S *D"], t: Int[Tensor, "S"]
) -> Float[Tensor, "S *D"]:
    signal, sigma = signal_and_noise(scheduler, t, x0)
    return signal * x0 + sigma * noise


def training_target(
    scheduler: DDIM, x0: Float[Tensor, "S *D"], noise: Float[Tensor, "S *D"], t: Int[Tensor, "S"]
) -> Float[Tensor, "S *D"]:
    """What the UNet must output: x0, the noise, or v = sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x0."""
    kind = scheduler.config.prediction_type
    if kind == "sample":
        return x0
    if kind == "epsilon":
        return noise
    signal, sigma = signal_and_noise(scheduler, t, x0)
    return signal * noise - sigma * x0


def predicted_x0(
    scheduler: DDIM, output: Float[Tensor, "S *D"], xt: Float[Tensor, "S *D"], t: Int[Tensor, "S"]
) -> Float[Tensor, "S *D"]:
    """The clean latent implied by a UNet output; with noise prediction, undefined where alpha_bar = 0."""
    kind = scheduler.config.prediction_type
    if kind == "sample":
        return output
    signal, sigma = signal_and_noise(scheduler, t, xt)
    if kind == "epsilon":
        return (xt - sigma * output) / signal
    return signal * xt - sigma * output


@dataclass(frozen=True)
class AroundDraft:
    """What x_t says of x0 once a draft is known, had the draft's errors a normal distribution of `DRAFT_STD`.

    A denoiser that corrects drafts reads `innovation`, in which the draft shows no more, and answers in `unit`s from
    `mean`: the preconditioning of Karras et al. (2022), for the difference from the draft. Without noise `mean` is
    x_t / signal, in pure noise it is the draft.
    """

    mean: Float[Tensor, "S *D"]
    unit: Float[Tensor, "S *_"]  # deviation of x0 from `mean`
    innovation: Float[Tensor, "S *D"]  # x_t less what the draft explains of it; deviation 1


def around_draft(
    scheduler: DDIM, xt: Float[Tensor, "S *D"], draft: Float[Tensor, "S *D"], t: Int[Tensor, "S"]
) -> AroundDraft:
    signal, sigma = signal_and_noise(scheduler, t, xt)
    spread = _spread(signal, sigma)
    innovation = (xt - signal * draft) / spread
    return AroundDraft(
        draft + DRAFT_STD**2 * signal / spread * innovation, DRAFT_STD * sigma / spread, innovation
    )


def draft_loss_scale(scheduler: DDIM, t: Int[Tensor, "S"], like: Tensor) -> Float[Tensor, "S *_"]:
    """`DRAFT_STD` over `AroundDraft.unit`: times this, errors count alike at all t. `like`: (S, ...)."""
    signal, sigma = signal_and_noise(scheduler, t, like)
    return _spread(signal, sigma) / sigma


def _spread(signal: Tensor, sigma: Tensor) -> Tensor:
    """Deviation of x_t about what the draft explains of it."""
    return ((DRAFT_STD * signal).square() + sigma.square()).sqrt()
