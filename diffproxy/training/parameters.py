"""Trainable parameters of each stage and their learning rates."""

from __future__ import annotations

import math

from torch import nn

from diffproxy.generator import ProxyGenerator
from diffproxy.generator.codec import VaeCodec
from diffproxy.generator.network.encoders import EfficientNetEncoder, MoveNetEncoder
from diffproxy.generator.network.pyramid_adapter import PyramidAdapter
from diffproxy.training.config import TrainConfig
from diffproxy.utils.errors import InputError

# strides 1-8 of the encoder keep ImageNet's edges and textures: cheaper, and closer to real images
FROZEN_BLOCKS = 5
FROZEN_STAGES = 3  # of MoveNet, for the same reason: strides 1-8


def select_parameters(generator: ProxyGenerator, config: TrainConfig) -> list[dict]:
    """Optimiser groups `{"params", "lr", "base_lr"}`; gradients of all other parameters are disabled.

    The warm-up stage (`diffusion_weight=0`) excludes the UNet. `freeze_conditioning` excludes the encoder and
    everything in the adapter that the dense head depends on (parameters that only the UNet depends on had no gradient
    in the warm-up). `stage=decoder` trains the decoder of the VAE only. InputError where nothing would be trained.
    """
    if config.stage == "decoder":
        return decoder_parameters(generator, config)
    if config.stage != "generator":
        raise InputError("stage one of generator, decoder", config.stage, "give stage=generator")
    head = (
        isinstance(generator.adapter, PyramidAdapter)
        and config.dense_weight
        and not config.freeze_conditioning
    )
    if not (head or config.diffusion_weight):
        found = f"diffusion_weight=0 with dense_weight={config.dense_weight:g}"
        found += f" freeze_conditioning={str(config.freeze_conditioning).lower()} and {generator.config.name}"
        raise InputError(
            "a loss to train by, of the dense head or of the UNet", found, "write diffusion_weight=1"
        )
    if config.encoder_lr and not config.freeze_conditioning:
        generator.config = generator.config.replace(
            frozen=tuple(f for f in generator.config.frozen if f != "encoder")
        )
        thaw_encoder(generator.encoder)
    else:
        generator.encoder.requires_grad_(False)
    if config.freeze_conditioning:
        generator.adapter.requires_grad_(False)
        if isinstance(generator.adapter, PyramidAdapter):
            for part in generator.adapter.towards_unet():
                part.requires_grad_(True)
    if not config.diffusion_weight:
        generator.unet.requires_grad_(False)
        generator.prompts.requires_grad_(False)
    encoder = {id(p) for p in generator.encoder.parameters()}
    trained = [p for p in generator.parameters() if p.requires_grad]
    groups = [{"params": [p for p in trained if id(p) not in encoder], "lr": config.lr, "base_lr": config.lr}]
    if tail := [p for p in trained if id(p) in encoder]:
        groups.append({"params": tail, "lr": config.encoder_lr, "base_lr": config.encoder_lr})
    return groups


def decoder_parameters(generator: ProxyGenerator, config: TrainConfig) -> list[dict]:
    """The decoder of the VAE as the only group; the saved generator then stores its codec."""
    if not isinstance(generator.codec, VaeCodec):
        raise InputError(
            "a generator with a VAE for stage=decoder",
            f"{generator.config.name}, whose {generator.config.codec} codec is exact and has no parameters",
            "leave stage=decoder out",
        )
    generator.config = generator.config.replace(
        frozen=tuple(f for f in generator.config.frozen if f != "codec")
    )
    generator.requires_grad_(False)
    vae = generator.codec.vae
    trained = [
        *vae.decoder.requires_grad_(True).parameters(),
        *vae.post_quant_conv.requires_grad_(True).parameters(),
    ]
    return [{"params": trained, "lr": config.lr, "base_lr": config.lr}]


def thaw_encoder(encoder: nn.Module) -> None:
    """Train the deep half of an EfficientNet or MoveNet encoder; of another encoder, all of it."""
    encoder.requires_grad_(True)
    if isinstance(encoder, EfficientNetEncoder):
        for block in (encoder.net.stem, *encoder.net.blocks[:FROZEN_BLOCKS]):
            block.requires_grad_(False)
    if isinstance(encoder, MoveNetEncoder):
        net = encoder.net
        # The pyramid and the heads above it make the keypoints: they stay as published, see `KeypointMatching`.
        for part in (net.stem, *net.stages[:FROZEN_STAGES], net.smooth, net.heads):
            part.requires_grad_(False)


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine to 2 % of the learning rate, or a constant."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    progress = min(1.0, (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps))
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))
