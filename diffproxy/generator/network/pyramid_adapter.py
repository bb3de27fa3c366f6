"""The adapter of `nano`: RGB and the encoder's pyramid fused coarse to fine, and the dense regression head."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from diffproxy.generator.coarse_posterior import CoarsePosterior
from diffproxy.generator.network.adapter_output import AdapterOutput, MultiviewBatch
from diffproxy.generator.network.attention import AttentionBranch
from diffproxy.generator.network.camera_conditioning import RAY_DIM
from diffproxy.proxies.interfaces import PaletteLike, as_numpy, palette_ids
from diffproxy.proxies.maps import KINDS

INITIAL_SCALE = 0.05  # metres: the error of a head after a few minutes of training


class ResBlock(nn.Module):
    """GroupNorm, SiLU, 3x3, twice, with a skip; `embedding` shifts and scales in between."""

    def __init__(self, width: int, embed_dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, width), nn.GroupNorm(8, width)
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.film = nn.Linear(embed_dim, 2 * width)

    def forward(
        self, x: Float[Tensor, "N C H W"], embedding: Float[Tensor, "N E"]
    ) -> Float[Tensor, "N C H W"]:
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        scale, shift = self.film(embedding)[..., None, None].chunk(2, 1)
        return x + self.conv2(F.silu(h * (1 + scale) + shift))


class ContextLayer(nn.Module):
    """Pre-norm transformer layer over the cells of the coarsest map, of one view or (with rays) of all views.

    `fresh` initialises it as the identity, so that it can be added to a trained adapter.
    """

    def __init__(self, dim: int, heads: int, ray_dim: int = 0, fresh: bool = False):
        super().__init__()
        self.attention = AttentionBranch(dim, heads, ray_dim=ray_dim)
        last = nn.Linear(4 * dim, dim)
        if fresh:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), last)

    def forward(
        self,
        x: Float[Tensor, "G T C"],
        mask: Bool[Tensor, "G 1 T T"] | None = None,
        rays: Float[Tensor, "G 1 T 6"] | None = None,
    ) -> Float[Tensor, "G T C"]:
        x = x + self.attention.joint(x[:, None], mask, rays)[:, 0]
        return x + self.mlp(x)


class PyramidAdapter(nn.Module):
    """RGB and the encoder's feature pyramid, fused coarse to fine, so that every level has context of the whole body.

    Left and right of a person are not distinguishable locally: the coarsest level passes through a small transformer.

    Args:
        proxy_size: Side of the proxies, pixels.
        latent_grid: Side of the UNet's finest map; halved in each down block.
        rgb_factor: Side of the images over `proxy_size`.
        unet_channels: Of the UNet's down blocks.
        pyramid_channels: Of the encoder's feature maps, fine to coarse.
        num_labels: Of all parts, with the background.
        widths: Channels at the proxy resolution (dense head), then at each of the UNet's down blocks.
        context_layers: Transformer layers over the cells of the coarsest map, of each view by itself.
        draft: The dense prediction is added to the finest UNet level; "posterior": the UNet also starts from its
            posterior given the noisy image (`CoarsePosterior`) and predicts a correction (needs `set_palette`).
        embed_dim: Of the embedding of a view's kind.
        view_layers: How many of these layers are followed by one over the cells of all views, which get their rays.
        uv_scale: The head also predicts the error scale of (u, v).
        residuals: False: nothing is added to the UNet's maps, only the dense head is left.
        for_unet: False: the same weights, and the dense head alone is computed.
    """

    label_colors: Tensor
    label_allowed: Tensor

    def __init__(
        self,
        proxy_size: int,
        latent_grid: int,
        rgb_factor: int,
        unet_channels: Sequence[int],
        pyramid_channels: Sequence[int],
        num_labels: int,
        widths: Sequence[int],
        context_layers: int = 2,
        draft: bool | Literal["posterior"] = True,
        embed_dim: int = 64,
        view_layers: int = 0,
        uv_scale: bool = False,
        residuals: bool = True,
        for_unet: bool = True,
    ):
        super().__init__()
        self.for_unet = for_unet
        self.grids = [proxy_size] + [latent_grid >> i for i in range(len(unet_channels))]
        self.rgb_factor, self.fold, self.num_labels = rgb_factor, proxy_size // latent_grid, num_labels
        self.kinds = nn.Embedding(len(KINDS), embed_dim)
        self.rgb = nn.Conv2d(3 * rgb_factor**2, widths[0], 3, padding=1)
        self.laterals = nn.ModuleList(
            nn.Conv2d(c, w, 1) for c, w in zip(pyramid_channels, widths, strict=True)
        )
        self.descend = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in itertools.pairwise(widths))
        self.blocks = nn.ModuleList(ResBlock(w, embed_dim) for w in widths)
        coarse, side = widths[-1], self.grids[-1]
        self.position = nn.Parameter(torch.randn(1, coarse, side, side) * 0.02)
        self.context_kind = nn.Linear(embed_dim, coarse)
        self.context = nn.Sequential(
            *[ContextLayer(coarse, max(coarse // 64, 1)) for _ in range(context_layers)]
        )
        self.view_context = nn.ModuleList(
            ContextLayer(coarse, max(coarse // 64, 1), RAY_DIM, fresh=True) for _ in range(view_layers)
        )
        self.head_norm = nn.GroupNorm(8, widths[0])
        self.head = nn.Conv2d(widths[0], num_labels + 2, 1)
        nn.init.constant_(self.head.get_parameter("bias")[num_labels:], 0.5)
        self.scale_head = nn.Conv2d(widths[0], 1, 1) if uv_scale else None
        if self.scale_head is not None:
            nn.init.zeros_(self.scale_head.weight)
            nn.init.constant_(self.scale_head.get_parameter("bias"), math.log(INITIAL_SCALE))
        pairs = list(zip(widths[1:], unet_channels, strict=True)) if residuals else []
        fine, drafted = widths[0] * self.fold**2, (num_labels + 2) * self.fold**2
        self.outputs = nn.ModuleList(nn.Conv2d(w, c, 1) for w, c in pairs)
        self.fine_output = nn.Conv2d(fine, unet_channels[0], 1) if residuals else None
        self.draft = nn.Conv2d(drafted, unet_channels[0], 1) if residuals and draft else None
        self.posterior = draft == "posterior"
        if self.posterior:
            self.register_buffer("label_colors", torch.zeros(num_labels, 3))
            self.register_buffer("label_allowed", torch.ones(len(KINDS), num_labels, dtype=torch.bool))

    def towards_unet(self) -> list[nn.Module]:
        """Modules that only the UNet depends on; the dense prediction does not."""
        return [self.outputs, *(part for part in (self.fine_output, self.draft) if part is not None)]

    def set_palette(self, palette: PaletteLike) -> None:
        """For `draft="posterior"`: colours of the labels, and the labels of each kind of view."""
        if self.posterior:
            self.label_colors.copy_(torch.as_tensor(as_numpy(palette.colors)))
            self.label_allowed.zero_()
            for i, kind in enumerate(KINDS):
                self.label_allowed[i, [0, *palette_ids(palette, kind)]] = True

    def forward(
        self,
        images: Float[Tensor, "N 3 H W"],
        pyramid: list[Tensor],
        kinds: Int[Tensor, " N"],
        views: MultiviewBatch | None = None,
    ) -> AdapterOutput:
        """Features and dense maps of N images.

        Args:
            images: RGB in [0, 1].
            pyramid: Feature maps of the encoder, fine to coarse; resized to the grids of this adapter.
            kinds: (N,) ids of the kinds of view, 0 to 2.
            views: Groups of the rows and their rays; None: every row is independent.
        """
        embedding = self.kinds(kinds)
        rgb = self.rgb(F.pixel_unshuffle(images * 2.0 - 1.0, self.rgb_factor))
        laterals = [
            conv(_resize(p, n)) for conv, p, n in zip(self.laterals, pyramid, self.grids, strict=True)
        ]
        laterals[0] = laterals[0] + rgb

        h = laterals[-1] + self.position + self.context_kind(embedding)[..., None, None]
        h = self._context(h.flatten(2).transpose(1, 2), views).transpose(1, 2).unflatten(2, h.shape[2:])
        maps = [self.blocks[-1](h, embedding)]
        for i in reversed(range(len(laterals) - 1)):
            up = F.interpolate(self.descend[i](maps[0]), size=(self.grids[i],) * 2, mode="nearest")
            maps.insert(0, self.blocks[i](laterals[i] + up, embedding))

        finest = F.silu(self.head_norm(maps[0]))
        dense = self.head(finest)
        log_scale = None if self.scale_head is None else self.scale_head(finest)
        logits, uv = dense.split([self.num_labels, 2], 1)
        if not self.for_unet:
            return AdapterOutput([], logits, uv, log_scale)
        features = [conv(m) for conv, m in zip(self.outputs, maps[1:], strict=False)]
        if self.fine_output is not None:
            features[0] = features[0] + self.fine_output(F.pixel_unshuffle(maps[0], self.fold))
        scores, start = logits, None
        if self.posterior:
            scores = logits.masked_fill(~self.label_allowed[kinds][..., None, None], -1e4)
            start = CoarsePosterior(
                scores.detach().float().log_softmax(1),
                uv.detach().float().clamp(0, 1) * 2 - 1,
                self.label_colors * 2 - 1,
            )
        if self.draft is not None:
            draft = torch.cat([scores.softmax(1), uv.to(logits.dtype)], 1)
            features[0] = features[0] + self.draft(F.pixel_unshuffle(draft, self.fold))
        return AdapterOutput(features, logits, uv, log_scale, start)

    def _context(
        self, tokens: Float[Tensor, "N T C"], views: MultiviewBatch | None
    ) -> Float[Tensor, "N T C"]:
        for i, layer in enumerate(self.context):
            tokens = layer(tokens)
            if views is not None and i < len(self.view_context):
                cells, width = tokens.shape[1:]
                joint = tokens.reshape(views.groups, views.views * cells, width)
                joint = self.view_context[i](joint, views.mask, views.rays)
                tokens = joint.reshape(-1, cells, width)
        return tokens


def _resize(x: Float[Tensor, "N C h w"], n: int) -> Float[Tensor, "N C n n"]:
    if x.shape[-1] == n and x.shape[-2] == n:
        return x
    if x.shape[-1] < n:
        return F.interpolate(x, size=(n, n), mode="bilinear", align_corners=False)
    # The antialiased kernel does not support bfloat16 on a CPU.
    smooth = F.interpolate(x.float(), size=(n, n), mode="bilinear", align_corners=False, antialias=True)
    return smooth.to(x.dtype)
