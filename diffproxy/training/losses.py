"""Losses: the diffusion objective (paper Eq. 1) and the regression losses of the dense head.

Each loss is a weighted mean over the pixels of a sample, and then the mean over samples. So the gradient of a batch is
the mean of its parts' gradients: several processes or accumulated steps train as one large batch does."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor


def sample_mean(
    error: Float[Tensor, "N ..."], weight: Float[Tensor, "N ..."], samples: int
) -> Float[Tensor, ""]:
    """Mean over `samples` of each one's weighted mean; N is a multiple of `samples`, its views in a row."""
    weight = weight.expand_as(error)
    total = (error * weight).reshape(samples, -1).sum(1)
    return (total / weight.reshape(samples, -1).sum(1).clamp(min=1)).mean()


def allowed_labels(
    is_hand: Bool[Tensor, " N"], body_ids: list[int], hand_ids: list[int], num: int
) -> Bool[Tensor, "N L"]:
    """Labels that may occur in each view (N, L): background and the ids of the palette of its kind."""
    body, hand = torch.zeros(num, dtype=torch.bool), torch.zeros(num, dtype=torch.bool)
    body[[0, *body_ids]] = True
    hand[[0, *hand_ids]] = True
    return torch.where(is_hand[:, None], hand.to(is_hand.device), body.to(is_hand.device))


def dense_loss(
    logits: Float[Tensor, "N L H W"],
    uv_pred: Float[Tensor, "N 2 H W"],
    labels: Integer[Tensor, "N H W"],
    uv: Float[Tensor, "N 2 H W"],
    allowed: Bool[Tensor, "N L"],
    foreground_weight: float = 3.0,
    samples: int = 1,
) -> dict[str, Tensor]:
    """Cross-entropy over the view's own palette, and L1 of UV on the foreground.

    Args:
        logits: Of L labels, for N views.
        uv_pred: Predicted (u, v) in [0, 1].
        labels: True labels, 0 on the background.
        uv: True (u, v).
        allowed: Labels that may occur in each view (`allowed_labels`).
        foreground_weight: Weight of a foreground pixel in the cross-entropy; the background has 1.
        samples: Number of samples that the N views belong to.

    Returns:
        `label`, the cross-entropy, and `uv`, the mean absolute error in UV units; scalars.
    """
    logits = logits.float().masked_fill(~allowed[:, :, None, None], -1e4)
    foreground = (labels > 0).float()
    ce = F.cross_entropy(logits, labels.long(), reduction="none")
    weight = 1 + (foreground_weight - 1) * foreground
    error = (uv_pred.float() - uv).abs().mean(1)
    return {"label": sample_mean(ce, weight, samples), "uv": sample_mean(error, foreground, samples)}


def scale_loss(
    log_scale: Float[Tensor, "N 1 H W"],
    uv_pred: Float[Tensor, "N 2 H W"],
    labels: Integer[Tensor, "N H W"],
    uv: Float[Tensor, "N 2 H W"],
    metres_per_uv: Float[Tensor, "L 2"],
    samples: int = 1,
) -> Float[Tensor, ""]:
    """Negative log-likelihood of the surface distance between predicted and true (u, v), on the foreground.

    The density is exp(-d / b) / (2 pi b^2) with b = exp(`log_scale`) in metres. The coordinates get no gradient: this
    loss trains the uncertainty only.

    Args:
        log_scale: Logarithm of b.
        uv_pred: Predicted (u, v), in [0, 1].
        labels: True labels, 0 for the background.
        uv: True (u, v).
        metres_per_uv: Length of the charts' axes on the body, of each label.
        samples: Groups of rows that are averaged first (`sample_mean`).
    """
    scale = metres_per_uv[labels.long()].permute(0, 3, 1, 2)
    distance = ((uv_pred.detach().float() - uv) * scale).square().sum(1).sqrt()
    log_b = log_scale[:, 0].float()
    foreground = (labels > 0).float()
    loss = distance * (-log_b).exp() + 2 * log_b
    return sample_mean(loss, foreground, samples)


def diffusion_loss(
    prediction: Float[Tensor, "S ..."],
    target: Float[Tensor, "S ..."],
    weight: Float[Tensor, "S ..."] | None = None,
) -> Float[Tensor, ""]:
    """Mean squared error in latent space (paper Eq. 1), optionally weighted per latent cell."""
    error = (prediction.float() - target.float()).square()
    return error.mean() if weight is None else sample_mean(error, weight, len(error))
