"""Proxies as the RGB images that the diffusion model generates, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

from diffproxy.proxies.interfaces import PaletteLike, as_numpy, palette_ids
from diffproxy.proxies.maps import KINDS, Kind, ProxyMaps
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError


@checked
def encode_rgb(
    maps: ProxyMaps, palette: PaletteLike
) -> tuple[Float[Tensor, "V 3 H W"], Float[Tensor, "V 3 H W"]]:
    """Proxies as images.

    Args:
        maps: Proxies of V views.
        palette: Ids and colours of the labels.

    Returns:
        Segmentation image (palette colours) and UV image (u, v, 1), each (V, 3, H, W) in [0, 1], background black.
    """
    uv = torch.from_numpy(np.ascontiguousarray(maps.uv, dtype=np.float32)).permute(0, 3, 1, 2)
    return encode_labels_rgb(torch.from_numpy(np.ascontiguousarray(maps.labels)), uv, palette)


@checked
def encode_labels_rgb(
    labels: Shaped[Tensor, "*B H W"], uv: Float[Tensor, "*B 2 H W"], palette: PaletteLike
) -> tuple[Float[Tensor, "*B 3 H W"], Float[Tensor, "*B 3 H W"]]:
    """`encode_rgb` on tensors, on their own device; `uv` is masked by the labels."""
    colors = torch.as_tensor(as_numpy(palette.colors), dtype=uv.dtype, device=uv.device)
    if labels.numel() and int(labels.max()) >= len(colors):
        raise InputError(
            f"labels below {len(colors)}, the palette's size",
            f"label {int(labels.max())}",
            "use the palette of the body that the labels were made with",
        )
    seg = colors[labels.long()].movedim(-1, -3)
    foreground = (labels > 0).to(uv.dtype).unsqueeze(-3)
    return seg, torch.cat([uv, torch.ones_like(foreground)], dim=-3) * foreground


@checked
def decode_rgb(
    seg: Float[Tensor, "*B 3 H W"],
    uv: Float[Tensor, "*B 3 H W"],
    palette: PaletteLike,
    kind: Kind | Sequence[Kind],
) -> tuple[UInt8[Tensor, "*B H W"], Float[Tensor, "*B H W 2"]]:
    """Images as proxies: labels by the nearest palette colour, UV clipped to [0, 1].

    Args:
        seg: (..., 3, H, W) segmentation images in [0, 1].
        uv: (..., 3, H, W) UV images in [0, 1].
        palette: Ids and colours of the labels.
        kind: Kind of all images, or one for each entry of the dimension before the channels (the views).

    Returns:
        Labels (..., H, W) and UV (..., H, W, 2), 0 on the background.

    Raises:
        InputError: images that are not finite.
    """
    if not (torch.isfinite(seg).all() and torch.isfinite(uv).all()):
        raise InputError(
            "finite proxy images",
            "NaN or infinity",
            "check the generator's weights and number format (float16?)",
        )
    colors = torch.as_tensor(as_numpy(palette.colors), dtype=torch.float32, device=seg.device)
    shape = seg.shape[:-3] + seg.shape[-2:]
    if isinstance(kind, str):
        labels = _nearest(seg.reshape(-1, *seg.shape[-3:]), colors, palette, kind).reshape(shape)
    else:
        if seg.ndim < 4 or len(kind) != seg.shape[-4]:
            raise InputError(
                f"{seg.shape[-4] if seg.ndim > 3 else 1} kinds, one per view",
                f"{len(kind)}",
                "pass one kind per view",
            )
        labels = torch.empty(shape, dtype=torch.uint8, device=seg.device)
        for name in sorted(set(kind)):
            rows = torch.tensor([v for v, k in enumerate(kind) if k == name], device=seg.device)
            part = seg.index_select(-4, rows)
            found = _nearest(part.reshape(-1, *part.shape[-3:]), colors, palette, name)
            labels.index_copy_(-3, rows, found.reshape(*part.shape[:-3], *part.shape[-2:]))
    return labels, uv[..., :2, :, :].movedim(-3, -1).clamp(0, 1) * (labels > 0)[..., None]


def _nearest(
    images: Float[Tensor, "N 3 H W"], colors: Float[Tensor, "L 3"], palette: PaletteLike, kind: str
) -> UInt8[Tensor, "N H W"]:
    if kind not in KINDS:
        raise InputError(f"a kind among {KINDS}", f"{kind!r}", "use one of these")
    ids = torch.tensor(palette_ids(palette, kind), device=images.device)
    wanted = colors[ids]
    # |x - c|^2 = |x|^2 - (2 c.x - |c|^2): the smallest distance is the largest bracket, a 1x1 convolution.
    weight, bias = (2 * wanted)[:, :, None, None], -wanted.square().sum(dim=1)
    # One image at a time: its scores fit into the processor's cache, ten times faster than all at once.
    best = [torch.nn.functional.conv2d(x, weight, bias).max(dim=1).indices for x in images.float().split(1)]
    return ids.to(torch.uint8)[torch.cat(best)]
