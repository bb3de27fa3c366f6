"""Image encoders: global context as tokens and (MoveNet, EfficientNet) a feature pyramid for the adapter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.encoders.efficientnet import PYRAMID_CHANNELS, EfficientNetLite0
from diffproxy.encoders.movenet import THUNDER, MoveNet, MoveNetOutput
from diffproxy.generator.config import GeneratorConfig
from diffproxy.utils.extras import require_extra

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class EncoderOutput:
    """`tokens` for image cross-attention; `pyramid`: feature maps, fine to coarse (empty for DINOv2).

    `joint_maps`: raw joint maps of an encoder that has them (see `movenet.MoveNetOutput.heads`).
    """

    tokens: Float[Tensor, "N T D"]
    pyramid: list[Tensor] = field(default_factory=list)
    joint_maps: dict[str, Tensor] = field(default_factory=dict)


class EfficientNetEncoder(nn.Module):
    """EfficientNet-Lite0; the tokens are the cells of its stride-32 map."""

    token_dim = PYRAMID_CHANNELS[-1]
    pyramid_channels = PYRAMID_CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.net = EfficientNetLite0()

    def forward(self, images: Float[Tensor, "N 3 H W"]) -> EncoderOutput:
        """RGB in [0, 1]. Its ImageNet training used mean 0.5 and deviation 0.5; batch-norm statistics agree."""
        pyramid = self.net(images * 2.0 - 1.0)
        return EncoderOutput(pyramid[-1].flatten(2).transpose(1, 2), pyramid)


class MoveNetEncoder(nn.Module):
    """MoveNet Thunder; the tokens are the cells of its stride-32 map."""

    token_dim = THUNDER.pyramid_channels[-1]
    pyramid_channels = THUNDER.pyramid_channels

    def __init__(self) -> None:
        super().__init__()
        self.net = MoveNet(THUNDER)
        self.known: dict[bytes, MoveNetOutput] | None = None

    @contextmanager
    def encoding_once(self) -> Iterator[None]:
        """Within it, a kept image is not encoded again (on the CPU, without gradients)."""
        self.known = {}
        try:
            yield
        finally:
            self.known = None

    def encode(self, image: Float[Tensor, "1 3 H W"], keep: bool) -> MoveNetOutput:
        if self.known is None or not keep:
            return self.net(image * 2.0 - 1.0)
        key = hashlib.blake2b(image.contiguous().numpy().tobytes(), digest_size=16).digest()
        if key not in self.known:
            self.known[key] = self.net(image * 2.0 - 1.0)
        return self.known[key]

    def forward(self, images: Float[Tensor, "N 3 H W"], keep: Sequence[bool] | None = None) -> EncoderOutput:
        """Features and joint maps.

        Args:
            images: RGB in [0, 1].
            keep: Images whose features `encoding_once` keeps; None: all.
        """
        if images.device.type == "cpu" and not torch.is_grad_enabled():
            # One image at a time: its activations fit the cache, which is two to three times as fast.
            kept = [True] * len(images) if keep is None else keep
            outputs = [self.encode(image, k) for image, k in zip(images.split(1), kept, strict=True)]
            pyramid = [torch.cat(level) for level in zip(*(o.pyramid for o in outputs), strict=True)]
            heads = {name: torch.cat([o.heads[name] for o in outputs]) for name in THUNDER.heads}
        else:
            output = self.net(images * 2.0 - 1.0)
            pyramid, heads = output.pyramid, output.heads
        return EncoderOutput(pyramid[-1].flatten(2).transpose(1, 2), pyramid, heads)


class DinoEncoder(nn.Module):
    """DINOv2 of any size: class, register (if any) and patch tokens of the resized image."""

    pyramid_channels: tuple[int, ...] = ()
    mean: Tensor
    std: Tensor

    def __init__(self, resize: int = 252, **dino_args: Any):
        super().__init__()
        require_extra("transformers", "sd")
        import transformers

        kind = "Dinov2WithRegisters" if dino_args.get("num_register_tokens") else "Dinov2"
        config = getattr(transformers, f"{kind}Config")(**dino_args)
        self.model: Any = getattr(transformers, f"{kind}Model")(config)
        self.resize, self.token_dim = resize, self.model.config.hidden_size
        # Not stored, so they have values even where a generator is built on the meta device to be loaded.
        mean, std = (torch.tensor(v, device="cpu").view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, images: Float[Tensor, "N 3 H W"]) -> EncoderOutput:
        """RGB in [0, 1]."""
        images = F.interpolate(
            images.float(), (self.resize, self.resize), mode="bicubic", antialias=True, align_corners=False
        )
        images = ((images - self.mean) / self.std).to(self.model.dtype)
        return EncoderOutput(self.model(pixel_values=images).last_hidden_state)


Encoder = EfficientNetEncoder | MoveNetEncoder | DinoEncoder


def build_encoder(config: GeneratorConfig) -> Encoder:
    """The image encoder that `config.encoder` names."""
    if config.encoder == "efficientnet_lite0":
        return EfficientNetEncoder(**config.encoder_args)
    if config.encoder == "movenet_thunder":
        return MoveNetEncoder(**config.encoder_args)
    return DinoEncoder(**config.encoder_args)
