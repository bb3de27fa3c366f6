"""Proxy images to latents and back: `PatchCodec` (exact) and `VaeCodec` (Stable Diffusion's autoencoder)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffproxy.generator.config import MODALITIES, PROMPTS, GeneratorConfig
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Number, Schema, validated


class PatchCodec(nn.Module):
    """Each `factor` x `factor` patch is one latent cell of 3·factor² channels in [-1, 1]. No parameters."""

    def __init__(self, factor: int = 2):
        super().__init__()
        self.factor = factor

    def encode(self, images: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N C h w"]:
        """RGB in [0, 1] to latents in [-1, 1]."""
        return self.fold(images) * 2.0 - 1.0

    def fold(self, images: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N C h w"]:
        """Images of any value range as cells of patches; `unfold` is the inverse."""
        return F.pixel_unshuffle(images, self.factor)

    def unfold(self, latents: Float[Tensor, "N C h w"]) -> Float[Tensor, "N 3 H W"]:
        return F.pixel_shuffle(latents, self.factor)

    def decode(self, latents: Float[Tensor, "N C h w"]) -> Float[Tensor, "N 3 H W"]:
        """Latents to RGB, clamped to [0, 1]."""
        return self.unfold((latents + 1.0) * 0.5).clamp(0.0, 1.0)


class VaeCodec(nn.Module):
    """AutoencoderKL (factor 8, 4 channels); latents are scaled to unit variance by `scaling_factor`."""

    def __init__(self, **vae_args: Any):
        super().__init__()
        from diffusers import AutoencoderKL

        self.vae: Any = AutoencoderKL(**vae_args)

    @property
    def factor(self) -> int:
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    def encode(self, images: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N C h w"]:
        """RGB in [0, 1] to the mode of the posterior, so that training targets have no sampling noise."""
        images = images.to(self.vae.dtype)
        mode = self.vae.encode(images * 2.0 - 1.0).latent_dist.mode()
        return mode * self.vae.config.scaling_factor

    def decode(self, latents: Float[Tensor, "N C h w"], chunk: int = 8) -> Float[Tensor, "N 3 H W"]:
        """Latents to RGB in [0, 1], `chunk` images at a time: the decoder determines the peak of memory."""
        latents = latents.to(self.vae.dtype) / self.vae.config.scaling_factor
        images = [self.vae.decode(part).sample for part in latents.split(chunk)]
        return ((torch.cat(images) + 1.0) * 0.5).clamp(0.0, 1.0)


Codec = PatchCodec | VaeCodec


def build_codec(config: GeneratorConfig) -> Codec:
    return PatchCodec(config.codec_factor) if config.codec == "patch" else VaeCodec(**config.codec_args)


# The palette a generator was trained with, stored beside its weights: colours are part of what it learned.


@dataclass(frozen=True)
class StoredPalette:
    """Part names and colours: `colors[id]` is RGB in [0, 1], id 0 the black background."""

    names: dict[int, str]
    colors: Float[np.ndarray, "L 3"]
    body_ids: tuple[int, ...]
    hand_ids: tuple[int, ...]


def write_palette(palette: Any, path: Path) -> None:
    """`palette`: anything with names, colors, body_ids and hand_ids (the body's own palette, or a stored one)."""
    colors = palette.colors.tolist()
    value = {
        "names": {str(int(k)): str(v) for k, v in palette.names.items()},
        "colors": [[round(float(c), 6) for c in row] for row in colors],
        "body_ids": [int(i) for i in palette.body_ids],
        "hand_ids": [int(i) for i in palette.hand_ids],
    }
    path.write_text(json.dumps(value) + "\n")


class _PaletteFile(Schema):
    names: dict[int, str]
    colors: list[tuple[Number, Number, Number]]
    body_ids: list[int]
    hand_ids: list[int]


def read_palette(path: Path) -> StoredPalette:
    """The palette of a generator folder; InputError for a damaged file."""
    fix = "restore the generator folder from its source"
    value = validated(_PaletteFile, read_json(path, "a palette"), f"the palette in {path}", fix)
    colors = np.array(value.colors, dtype=np.float64)
    for ids in ([*value.names], value.body_ids, value.hand_ids):
        if ids and not (min(ids) >= 0 and max(ids) < len(colors)):
            raise InputError(f"ids below {len(colors)}, the number of colours, in {path}", f"{max(ids)}", fix)
    return StoredPalette(value.names, colors, tuple(value.body_ids), tuple(value.hand_ids))


# The four constant prompts (body-seg, body-uv, hand-seg, hand-uv) as one table of embeddings.


KINDS = ("body", "left_hand", "right_hand")  # order of kind ids


def kind_ids(kinds: list[str] | tuple[str, ...]) -> Int[Tensor, " V"]:
    """Names to ids; KeyError-free: callers validate names first."""
    return torch.tensor([KINDS.index(k) for k in kinds], dtype=torch.long)


def prompt_ids(kinds: Int[Tensor, "*B"]) -> Int[Tensor, "*B 2"]:
    """Rows of the prompt table for (seg, uv) of each view; both hands share the hand prompts, as in the paper."""
    first = (kinds > 0).long() * len(MODALITIES)
    return first[..., None] + torch.arange(len(MODALITIES), device=kinds.device)


class PromptTable(nn.Module):
    """(prompt, token, channel). Learned for `nano`; for `sd21` the cached CLIP embeddings of four fixed sentences."""

    def __init__(self, tokens: int, dim: int):
        super().__init__()
        self.table = nn.Parameter(torch.randn(len(PROMPTS), tokens, dim) * 0.5)

    def forward(self, ids: Int[Tensor, "*B"]) -> Float[Tensor, "*B T D"]:
        return self.table[ids]
