"""Quality of a prior: error of its one-step denoising, compared with two denoisers without training."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.pose_prior import sde
from diffproxy.pose_prior.model import PosePrior
from diffproxy.pose_prior.network import BODY

TIMES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5)


@torch.no_grad()
def denoising_errors(
    prior: PosePrior, train: Float[np.ndarray, "N D"], held_out: Float[np.ndarray, "M D"], seed: int = 0
) -> dict[str, dict[str, float]]:
    """Mean squared error of the denoised pose, by diffusion time.

    Args:
        prior: The prior.
        train: (N, D) training poses, radians.
        held_out: (M, D) held-out poses, radians.
        seed: Seed of the noise.

    Returns:
        Errors in normalised units of body and hands for `identity` (the noisy pose), `gaussian` (the best linear
            denoiser
        for mean and covariance of `train`) and `network` (the prior).
    """
    generator = torch.Generator().manual_seed(seed)
    known = prior.normalise(torch.as_tensor(train, dtype=torch.float32)).double()
    x0 = prior.normalise(torch.as_tensor(held_out, dtype=torch.float32))
    mean, covariance = known.mean(0), torch.cov(known.T)
    out: dict[str, dict[str, float]] = {}
    for time in TIMES:
        t = torch.full((len(x0),), time)
        x_t = sde.diffuse(x0, t, torch.randn(x0.shape, generator=generator))
        guesses = {
            "identity": x_t / sde.alpha(t)[:, None],
            "gaussian": linear_denoiser(x_t, time, mean, covariance),
            "network": prior.denoise(x_t, t),
        }
        row = {}
        for name, guess in guesses.items():
            square = (guess - x0).square()
            row[f"body {name}"] = float(square[:, :BODY].mean())
            if square.shape[1] > BODY:
                row[f"hands {name}"] = float(square[:, BODY:].mean())
        out[f"{time:g}"] = {k: round(v, 5) for k, v in row.items()}
    return out


def linear_denoiser(
    x_t: Float[Tensor, "N D"], time: float, mean: Float[Tensor, " D"], covariance: Float[Tensor, "D D"]
) -> Float[Tensor, "N D"]:
    """Conditional mean of a Gaussian pose given a noisy one."""
    a, s = (float(f(torch.tensor(time, dtype=torch.float64))) for f in (sde.alpha, sde.sigma))
    eye = torch.eye(len(mean), dtype=torch.float64)
    gain = a * covariance @ torch.linalg.inv(a * a * covariance + s * s * eye)
    return (mean + (x_t.double() - a * mean) @ gain.T).to(x_t.dtype)
