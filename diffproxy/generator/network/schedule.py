"""Noise schedule: diffusers' DDIM with trailing spacing, and conversions for training."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffproxy.generator.config import GeneratorConfig

DDIM = Any  # a diffusers DDIMScheduler; its lazy imports show type checkers an empty class


def make_scheduler(config: GeneratorConfig) -> DDIM:
    """The DDIM scheduler that `config.scheduler` describes."""

    from diffusers import DDIMScheduler

    return DDIMScheduler(**config.scheduler)


def signal_and_noise(scheduler: DDIM, t: Int[Tensor, " S"], like: Tensor) -> tuple[Tensor, Tensor]:
    """sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t), shaped to broadcast over `like` (S, ...)."""
    alpha = scheduler.alphas_cumprod.to(like.device)[t].to(torch.float32)
    alpha = alpha.view(-1, *[1] * (like.ndim - 1))
    return alpha.sqrt(), (1 - alpha).sqrt()


def add_noise(
    scheduler: DDIM, x0: Float[Tensor, " S *D"], noise: Float[Tensor, " S *D"], t: Int[Tensor, " S"]
) -> Float[Tensor, " S *D"]:
    """The clean latents `x0` at the noise level of step `t`: sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise."""
    signal, sigma = signal_and_noise(scheduler, t, x0)
    return signal * x0 + sigma * noise


def training_target(
    scheduler: DDIM, x0: Float[Tensor, " S *D"], noise: Float[Tensor, " S *D"], t: Int[Tensor, " S"]
) -> Float[Tensor, " S *D"]:
    """Target of the UNet: x0, the noise, or v = sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x0."""
    kind = scheduler.config.prediction_type
    if kind == "sample":
        return x0
    if kind == "epsilon":
        return noise
    signal, sigma = signal_and_noise(scheduler, t, x0)
    return signal * noise - sigma * x0
