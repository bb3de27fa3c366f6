"""Proxy images to latents and back: `PatchCodec` (exact) and `VaeCodec` (Stable Diffusion's autoencoder)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.generator.config import GeneratorConfig


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
    """The codec that `config.codec` names."""
    return PatchCodec(config.codec_factor) if config.codec == "patch" else VaeCodec(**config.codec_args)
