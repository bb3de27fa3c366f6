"""Proxies of the adapter's dense regression head: labels, UV, their probability and stated deviation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.generator.network.network import Conditioning
from diffproxy.proxies.flip import FLIPPED_KIND, FlipTable
from diffproxy.proxies.interfaces import PaletteLike, palette_ids
from diffproxy.proxies.maps import Kind
from diffproxy.utils.errors import InputError

Maps = tuple[Tensor, Tensor, Tensor]
"""Labels (V, P, P) uint8, UV (V, P, P, 2) in [0, 1] and weights (V, P, P) in [0, 1]."""
LAPLACE_STD = 3**0.5
"""Standard deviation per axis over the scale b of an isotropic Laplace density exp(-r / b) in the plane."""


def predict_dense(
    conditions: Sequence[Conditioning],
    kinds: Sequence[Kind],
    palette: PaletteLike,
    flip: FlipTable | None = None,
) -> Maps:
    """Labels, UV and weight of the dense regression head, each view with the labels of its kind.

    Args:
        conditions: The views', and with `flip` the mirrored views'.
        kinds: Of the V views.
        palette: Ids of the labels that the generator was trained with.
        flip: Labels and UV of the mirrored body. The result is then the mean of both label probabilities, and of both
            UV weighted by the probability that each prediction gives to the winning label.

    Returns:
        Labels, UV, and as weight the softmax probability of the winning label among the background and the labels of
        the view's kind (the set the head is trained on), 0 on the background; on the CPU.

    Raises:
        InputError: The generator has no dense head.
    """
    probability, uv = _dense_head(conditions[0], kinds, palette)
    if flip is None:
        weight, winner = probability.max(1)
    else:
        flipped, flipped_uv = _dense_head(conditions[1], [FLIPPED_KIND[k] for k in kinds], palette)
        other = torch.from_numpy(flip.label_map).long()[: probability.shape[1]]
        back = flipped.flip(-1)[:, other]
        weight, winner = (probability + back).max(1)
        weight /= 2
        share, back_share = (p.gather(1, winner[:, None])[:, 0, ..., None] for p in (probability, back))
        _, back_uv = flip.apply_batch(other[winner].flip(-1).to(torch.uint8), flipped_uv)
        uv = (share * uv + back_share * back_uv) / (share + back_share)
    foreground = winner > 0
    return winner.to(torch.uint8), uv * foreground[..., None], weight * foreground


def dense_std(conditions: Sequence[Conditioning]) -> Float[Tensor, "V P P"] | None:
    """Standard deviation of the dense head's UV.

    Args:
        conditions: Conditioning of the views and, if given, of the flipped views; their deviations are averaged.

    Returns:
        (V, P, P) per axis, metres on the surface; None if the head predicts none.
    """
    scales = [condition.adapter.dense_log_scale for condition in conditions]
    known = [LAPLACE_STD * scale[:, 0].float().cpu().exp() for scale in scales if scale is not None]
    if len(known) < len(scales):
        return None
    return known[0] if len(known) == 1 else (known[0] + known[1].flip(-1)) / 2


def _dense_head(
    condition: Conditioning, kinds: Sequence[Kind], palette: PaletteLike
) -> tuple[Float[Tensor, "V C P P"], Float[Tensor, "V P P 2"]]:
    """Label probabilities and UV of the dense head, on the CPU."""
    adapter = condition.adapter
    if adapter.dense_logits is None or adapter.dense_uv is None:
        raise InputError(
            "num_inference_steps >= 1",
            "0 steps of a generator with no dense regression head",
            "write generator.steps=4",
        )
    logits = adapter.dense_logits.float().cpu()
    for v, kind in enumerate(kinds):
        barred = torch.ones(logits.shape[1], dtype=torch.bool)
        barred[palette_ids(palette, kind)] = False
        logits[v, barred] = -torch.inf
    return logits.softmax(1), adapter.dense_uv.float().cpu().clamp(0, 1).permute(0, 2, 3, 1)
