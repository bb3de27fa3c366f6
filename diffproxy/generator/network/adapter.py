"""Adapters: pixel-aligned image features, one map per UNet down block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from diffproxy.generator.config import GeneratorConfig
from diffproxy.generator.network.adapter_output import AdapterOutput, MultiviewBatch
from diffproxy.generator.network.pyramid_adapter import PyramidAdapter
from diffproxy.proxies.interfaces import PaletteLike


class T2IAdapterFull(nn.Module):
    """diffusers' T2I-Adapter on RGB in [0, 1], without dense head and without the encoder's features."""

    def __init__(self, **adapter_args: Any):
        super().__init__()
        from diffusers import T2IAdapter

        self.adapter: Any = T2IAdapter(**adapter_args)

    def forward(
        self,
        images: Float[Tensor, "N 3 H W"],
        pyramid: list[Tensor],
        kinds: Int[Tensor, " N"],
        views: MultiviewBatch | None = None,
    ) -> AdapterOutput:
        return AdapterOutput(self.adapter(images))

    def set_palette(self, palette: PaletteLike) -> None:
        """Does nothing: there is no dense head."""


class NoAdapter(nn.Module):
    """In the place of an adapter that is left out (Table 2 of the paper): the UNet sees the image tokens alone."""

    def forward(
        self,
        images: Float[Tensor, "N 3 H W"],
        pyramid: list[Tensor],
        kinds: Int[Tensor, " N"],
        views: MultiviewBatch | None = None,
    ) -> AdapterOutput:
        return AdapterOutput()

    def set_palette(self, palette: PaletteLike) -> None:
        """Does nothing: there is no dense head."""


Adapter = PyramidAdapter | T2IAdapterFull | NoAdapter


def build_adapter(config: GeneratorConfig, pyramid_channels: Sequence[int], for_unet: bool = True) -> Adapter:
    """The adapter that the configuration names.

    Args:
        config: Architecture of the generator.
        pyramid_channels: Of the encoder's feature maps, fine to coarse.
        for_unet: False: `PyramidAdapter` computes its dense head alone.
    """
    if config.adapter == "none":
        return NoAdapter()
    if config.adapter == "t2i":
        return T2IAdapterFull(**config.adapter_args)
    return PyramidAdapter(
        config.proxy_size,
        config.latent_grid,
        config.image_size // config.proxy_size,
        config.unet["block_out_channels"],
        pyramid_channels,
        config.num_labels,
        for_unet=for_unet,
        **config.adapter_args,
    )
