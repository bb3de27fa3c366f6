"""Aggregation of K sampled proxies to one, with a reliability weight (paper Eq. 2-5)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Shaped, UInt8
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.proxies.codec import decode_rgb
from diffproxy.proxies.interfaces import PaletteLike
from diffproxy.proxies.maps import Kind, ProxyMaps
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError


@checked
def aggregate_samples(
    labels: UInt8[Tensor, "K *V H W"], uv: Float[Tensor, "K *V H W C"], agreeing_only: bool = False
) -> tuple[UInt8[Tensor, "*V H W"], Float[Tensor, "*V H W 2"], Float[Tensor, "*V H W"]]:
    """Labels by majority, UV by median, reliability weight (paper Eq. 2-5).

    Args:
        labels: (K, ..., H, W) labels of the samples.
        uv: (K, ..., H, W, C): the two coordinates, or all C = 3 channels of the UV image (u, v, 1); with two, the
            third
            is the foreground of `labels`.
        agreeing_only: Take the median over the samples that voted for the winning label, a robust choice where
            charts are
            discontinuous; otherwise over all, as in the paper.

    Returns:
        Labels (ties: the earlier sample, with weight 0), UV, and weight in [0, 1], 0 on the background. With K =
            1 the
        foreground has weight 1.
    """
    winner, votes = majority(labels)
    foreground = winner > 0
    keep = labels == winner if agreeing_only else None
    median = masked_median(uv[..., :2], keep) * foreground[..., None]
    K = labels.shape[0]
    if K == 1:
        return winner, median, foreground.to(uv.dtype)
    weight = (1 - uv_uncertainty(labels, uv)) * (1 - label_uncertainty(votes, K))
    return winner, median, weight.clamp(0, 1) * foreground


@checked
def vote_samples(
    labels: UInt8[Tensor, "K *V H W"], uv: Float[Tensor, "K *V H W 2"]
) -> tuple[UInt8[Tensor, "*V H W"], Float[Tensor, "*V H W 2"], Float[Tensor, "*V H W"]]:
    """Labels by majority, UV by the median of the samples that voted for the winner, weight the share of the votes.

    `aggregate_samples` gives weight 0 where half of the samples disagree; for few samples of a small generator this can
    remove a whole limb. With K = 1 the foreground has weight 1.

    Args:
        labels: (K, ..., H, W) labels of the samples.
        uv: (K, ..., H, W, 2) coordinates.

    Returns:
        Labels, UV, and weight in [0, 1], 0 on the background.
    """
    winner, votes = majority(labels)
    foreground = winner > 0
    median = masked_median(uv, labels == winner) * foreground[..., None]
    return winner, median, votes / labels.shape[0] * foreground


@checked
def maps_from_samples(
    seg: Float[Tensor, "K V 3 H W"],
    uv: Float[Tensor, "K V 3 H W"],
    palette: PaletteLike,
    kinds: Sequence[Kind],
    cameras: Sequence[Camera],
    agreeing_only: bool = False,
) -> ProxyMaps:
    """Decode and aggregate the images of the generator.

    Args:
        seg: (K, V, 3, H, W) segmentation images of K samples of V views, RGB in [0, 1].
        uv: (K, V, 3, H, W) UV images.
        palette: Ids and colours of the labels.
        kinds: Kind of each view.
        cameras: Camera of each map.
        agreeing_only: See `aggregate_samples`.

    Returns:
        The proxies of V views.
    """
    labels, _ = decode_rgb(seg, uv, palette, tuple(kinds))
    channels = uv.movedim(2, -1).float().clamp(0, 1)
    found, median, weight = aggregate_samples(labels, channels, agreeing_only)
    return ProxyMaps(
        labels=found.cpu().numpy(),
        uv=median.float().cpu().numpy(),
        weight=weight.float().cpu().numpy(),
        kind=tuple(kinds),
        cameras=tuple(cameras),
    )


def majority(labels: UInt8[Tensor, " K *V"]) -> tuple[UInt8[Tensor, "*V"], Shaped[Tensor, "*V"]]:
    """The most-voted label of each pixel and its number of votes; ties go to the earlier sample."""
    if not len(labels):
        raise InputError("at least one sample", "none", "draw num_samples=1 or more")
    votes = torch.stack([(labels == one).sum(dim=0) for one in labels])
    most, first = votes.max(dim=0)
    return labels.gather(0, first[None])[0], most


def label_uncertainty(votes: Shaped[Tensor, "*V"], K: int) -> Float[Tensor, "*V"]:
    """Eq. 4: 1 without a majority, else 2 (1 - n/K)."""
    return torch.where(2 * votes <= K, 1.0, 2.0 * (1.0 - votes / K))


def uv_uncertainty(labels: UInt8[Tensor, " K *V"], uv: Float[Tensor, "K *V C"]) -> Float[Tensor, "*V"]:
    """Eq. 3: the sample variance (divided by K - 1) over the samples, averaged over the image's three channels."""
    if uv.shape[-1] == 2:
        uv = torch.cat([uv, (labels > 0).to(uv.dtype)[..., None]], dim=-1)
    spread = uv - uv.mean(dim=0)  # in two passes: `Tensor.var` over the first dimension is eight times slower
    return spread.square_().sum(dim=0).mean(dim=-1) / (uv.shape[0] - 1)


def masked_median(
    uv: Float[Tensor, "K *V 2"], keep: Bool[Tensor, " K *V"] | None = None
) -> Float[Tensor, "*V 2"]:
    """Eq. 2: median over the samples (those in `keep`); for even counts the mean of the middle two."""
    K = uv.shape[0]
    if K == 1:
        return uv[0]
    if keep is None:
        ordered = uv.sort(dim=0).values
        return (ordered[(K - 1) // 2] + ordered[K // 2]) / 2
    ordered = uv.masked_fill(~keep[..., None], torch.inf).sort(dim=0).values
    count = keep.sum(dim=0)[None, ..., None].expand(1, *uv.shape[1:])
    return (ordered.gather(0, (count - 1) // 2) + ordered.gather(0, count // 2))[0] / 2
