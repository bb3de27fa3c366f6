"""Losses: the diffusion objective (paper Eq. 1) and the regression loss of the dense head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor


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
) -> dict[str, Tensor]:
    """Cross-entropy over the view's own palette and L1 of UV on the foreground.

    Returns `{"label": scalar, "uv": scalar}`; UV is the mean absolute error in UV units.
    """
    logits = logits.float().masked_fill(~allowed[:, :, None, None], -1e4)
    foreground = (labels > 0).float()
    ce = F.cross_entropy(logits, labels.long(), reduction="none")
    weight = 1 + (foreground_weight - 1) * foreground
    label = (ce * weight).sum() / weight.sum()
    error = (uv_pred.float() - uv).abs().mean(1)
    return {"label": label, "uv": (error * foreground).sum() / foreground.sum().clamp(min=1)}


def scale_loss(
    log_scale: Float[Tensor, "N 1 H W"],
    uv_pred: Float[Tensor, "N 2 H W"],
    labels: Integer[Tensor, "N H W"],
    uv: Float[Tensor, "N 2 H W"],
    metres_per_uv: Float[Tensor, "L 2"],
) -> Float[Tensor, ""]:
    """Negative log-likelihood of the surface distance between predicted and true (u, v), on the foreground.

    The density is exp(-d / b) / (2 pi b^2) with b = exp(`log_scale`) in metres. The coordinates get no gradient: this
    loss
    trains the uncertainty only.
    """
    scale = metres_per_uv[labels.long()].permute(0, 3, 1, 2)
    distance = ((uv_pred.detach().float() - uv) * scale).square().sum(1).sqrt()
    log_b = log_scale[:, 0].float()
    foreground = (labels > 0).float()
    loss = distance * (-log_b).exp() + 2 * log_b
    return (loss * foreground).sum() / foreground.sum().clamp(min=1)


def diffusion_loss(
    prediction: Float[Tensor, "..."], target: Float[Tensor, "..."], weight: Float[Tensor, "..."] | None = None
) -> Float[Tensor, ""]:
    """Mean squared error in latent space (paper Eq. 1), optionally weighted per latent cell."""
    error = (prediction.float() - target.float()).square()
    if weight is None:
        return error.mean()
    weight = weight.expand_as(error)
    return (error * weight).sum() / weight.sum()
