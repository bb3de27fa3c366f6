"""The transformer block with the paper's new attentions, wrapped around diffusers' own block in place.

Order: [own self-attention] → epipolar → cross-modality → [own text cross-attention + image cross-attention] → [own
feed-forward]. The bracketed parts are diffusers' modules, untouched; with zero-initialised branches the wrapped
network equals the plain one bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.generator.config import AttentionConfig
from diffproxy.generator.network.attention import AttentionBranch, CpuAwareProcessor
from diffproxy.generator.network.backends import Mask
from diffproxy.generator.network.camera_conditioning import RAY_DIM


@dataclass(frozen=True)
class ViewContext:
    """Inputs of the branches for a flattened batch of (group, sample, view, modality) rows.

    `masks[n]` and `rays[n]` belong to the n x n latent grid; without a mask all tokens attend to all.
    """

    groups: int
    samples: int  # samples per group
    views: int
    modalities: int
    image_tokens: Float[Tensor, "N T D"] | None = None  # one row per batch row
    masks: dict[int, Mask] = field(default_factory=dict)  # L = V n n
    rays: dict[int, Float[Tensor, "G 1 L 6"]] = field(default_factory=dict)
    backend: str = "sdpa"


class MultiViewBlock(nn.Module):
    """A `BasicTransformerBlock` plus branches; drop-in for `Transformer2DModel.transformer_blocks[i]`."""

    def __init__(self, block: Any, config: AttentionConfig, token_dim: int, epipolar: bool):
        super().__init__()
        self.block = block
        block.attn1.set_processor(CpuAwareProcessor())
        block.attn2.set_processor(CpuAwareProcessor())
        dim, heads = block.dim, block.num_attention_heads
        self.text = config.text
        self.epipolar = (
            AttentionBranch(dim, heads, ray_dim=RAY_DIM if config.rays else 0)
            if config.epipolar and epipolar
            else None
        )
        self.cross_modality = AttentionBranch(dim, heads) if config.cross_modality else None
        self.image = AttentionBranch(dim, heads, context_dim=token_dim) if config.image else None

    def forward(
        self,
        hidden_states: Float[Tensor, "N L C"],
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Float[Tensor, "N T E"] | None = None,
        encoder_attention_mask: Tensor | None = None,
        timestep: Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        class_labels: Tensor | None = None,
    ) -> Float[Tensor, "N L C"]:
        """Positional order is diffusers': gradient checkpointing passes these seven by position."""
        views: ViewContext = (cross_attention_kwargs or {})["views"]
        h, own = hidden_states, self.block
        h = own.attn1(own.norm1(h)) + h
        if self.epipolar is not None:
            h = h + _across_views(self.epipolar, h, views)
        if self.cross_modality is not None:
            h = h + _across_modalities(self.cross_modality, h, views)
        added = None
        if self.image is not None and views.image_tokens is not None:
            added = self.image.cross(h, views.image_tokens)
        if self.text:
            h = own.attn2(own.norm2(h), encoder_hidden_states=encoder_hidden_states) + h
        if added is not None:
            h = h + added
        return own.ff(own.norm3(h)) + h


def _across_views(
    branch: AttentionBranch, h: Float[Tensor, "N L C"], v: ViewContext
) -> Float[Tensor, "N L C"]:
    """Tokens of all views of one sample and modality form one sequence; the mask depends on the group alone."""
    length, dim = h.shape[1:]
    grid = math.isqrt(length)
    x = h.view(v.groups, v.samples, v.views, v.modalities, length, dim).transpose(2, 3)
    x = x.reshape(v.groups, v.samples * v.modalities, v.views * length, dim)
    x = branch.joint(x, v.masks.get(grid), v.rays.get(grid), v.backend)
    x = x.view(v.groups, v.samples, v.modalities, v.views, length, dim).transpose(2, 3)
    return x.reshape(h.shape)


def _across_modalities(
    branch: AttentionBranch, h: Float[Tensor, "N L C"], v: ViewContext
) -> Float[Tensor, "N L C"]:
    """Tokens of all modalities of one view form one sequence."""
    x = h.view(-1, 1, v.modalities * h.shape[1], h.shape[2])
    return branch.joint(x).reshape(h.shape)


class AdapterDownBlock(nn.Module):
    """A plain `DownBlock2D` that adds its adapter map where the attention blocks do: before the skip is stored.

    diffusers adds the map of a plain down block after its downsampler, too late for the skip and at half the size.
    """

    has_cross_attention = True  # the UNet then passes `additional_residuals`

    def __init__(self, block: Any):
        super().__init__()
        self.resnets, self.downsamplers = block.resnets, block.downsamplers

    def forward(
        self,
        hidden_states: Float[Tensor, "N C H W"],
        temb: Float[Tensor, "N E"] | None = None,
        additional_residuals: Float[Tensor, "N D H W"] | None = None,
        **unused: Any,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        h = hidden_states
        skips: tuple[Tensor, ...] = ()
        for i, resnet in enumerate(self.resnets):
            h = resnet(h, temb)
            if i == len(self.resnets) - 1 and additional_residuals is not None:
                h = h + additional_residuals
            skips += (h,)
        for downsampler in self.downsamplers:
            h = downsampler(h)
            skips += (h,)
        return h, skips


def wrap_blocks(unet: Any, config: AttentionConfig, token_dim: int) -> None:
    """Replace every transformer block of a diffusers UNet by a `MultiViewBlock`, in place."""
    for i, block in enumerate(unet.down_blocks):
        if not getattr(block, "has_cross_attention", False) and block.downsamplers is not None:
            unet.down_blocks[i] = AdapterDownBlock(block)
    sample, levels = unet.config.sample_size, len(unet.down_blocks)
    grids = [(block, sample >> i) for i, block in enumerate(unet.down_blocks)]
    grids.append((unet.mid_block, sample >> (levels - 1)))
    grids += [(block, sample >> (levels - 1 - i)) for i, block in enumerate(unet.up_blocks)]
    for block, grid in grids:
        for transformer in getattr(block, "attentions", None) or []:
            inner = transformer.transformer_blocks
            for i, original in enumerate(inner):
                inner[i] = MultiViewBlock(original, config, token_dim, grid in config.epipolar_grids)
