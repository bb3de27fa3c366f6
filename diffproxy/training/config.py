"""The options of a training run, for `train_generator.py`; Hydra rejects unknown names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diffproxy.utils.options import option
from diffproxy.utils.shared_options import (
    BODY,
    EMA_DECAY,
    LEARNING_RATE,
    SAVE_EVERY,
    SEED,
    SHARDS,
    TIME_LIMIT_MIN,
    TRAINING_STEPS,
    VAL_SHARDS,
    WARMUP_STEPS,
)


@dataclass
class AugmentConfig:  # not frozen: OmegaConf would refuse to override its fields
    """Augmentation of a sample."""

    margin: tuple[float, float] = option(
        (1.0, 1.7),
        "side of the crop over the longer side of what it shows, drawn from this range",
        "[LOW,HIGH]",
    )
    whole: float = option(0.15, "chance to take the stored crop as it is instead")
    shift: float = option(0.10, "shift of the crop, of its side")
    roll_deg: float = option(12.0, "standard deviation of the roll, degrees")
    any_roll: float = option(
        0.1, "chance of a roll drawn from all angles: people lie and hang, cameras stand on their side"
    )
    cut: float = option(
        0.0, "chance, for all views of a sample together, that the frame's edges cut the person off"
    )
    photometric: float = option(1.0, "strength of the photometric effects; 0 switches them off")
    mirror: float = option(0.5, "chance of a flip, for all views of a sample together")


@dataclass
class TrainConfig:
    """All options of `train_generator.py`."""

    stage: str = option(
        "generator", "the generator, or the VAE decoder of sd21 alone, on proxy images", "generator|decoder"
    )
    out: str = option("runs/nano", "checkpoints, curves, sample grids, the exported model", "DIR", "Output")
    shards: str = SHARDS("shards/train")
    val_shards: str | None = VAL_SHARDS(None)
    generator: str = option(
        "nano", "a named configuration, or a saved generator to start from", "nano|sd21|DIR", "Models"
    )
    network: dict[str, Any] = option(
        dict, "changes to its configuration, as network.attention.epipolar=false", "{KEY: VALUE}", "Models"
    )
    sources: dict[str, str] = option(
        dict, "local folders of public parts, such as {unet: /weights/sd21}", "{PART: DIR}", "Models"
    )
    download: bool = option(False, "allow the hub for public parts", section="Models")
    body: str = BODY()

    steps: int = TRAINING_STEPS(10_000)
    batch: int = option(4, "samples per step; each has `views` slots")
    views: int = option(4, "slots per sample")
    hands: bool = option(True, "hand crops fill slots too")
    lr: float = LEARNING_RATE(5e-5)
    encoder_lr: float = option(0.0, "learning rate of the image encoder; 0 keeps it frozen")
    warmup_steps: int = WARMUP_STEPS(200)
    clip_norm: float = option(1.0, "largest norm of the gradient")
    weight_decay: float = option(0.01, "weight decay")
    ema: float = EMA_DECAY(0.999)

    dense_weight: float = option(1.0, "weight of the dense regression head's loss; 0 switches it off")
    diffusion_weight: float = option(1.0, "weight of the paper's Eq. 1; 0 skips the UNet: the warm-up stage")
    freeze_conditioning: bool = option(
        False, "train the UNet alone, on a warmed-up regression head that stays as it is"
    )
    fresh_unet: bool = option(False, "of generator=DIR keep all but the UNet, which starts anew")
    foreground_weight: float = option(3.0, "weight of foreground pixels over background")
    condition_dropout: float = option(
        0.0, "share of samples whose UNet sees neither adapter features nor image tokens"
    )
    t_power: float = option(
        1.0, "t = T (1 - u^p): 1 uniform, 3 favours the noisy end where structure is decided"
    )

    precision: str = option("bf16", "mixed precision of accelerate", "no|bf16|fp16")
    channels_last: bool = option(True, "pays on a GPU; on a CPU the UNet trains 10 % faster without it")
    gradient_checkpointing: bool = option(
        False, "recompute UNet blocks in the backward pass: less memory, more time"
    )
    seed: int = SEED()
    workers: int = option(1, "processes that read samples")
    log_every: int = option(20, "steps between lines of curves.jsonl", section="Output")
    val_every: int = option(500, "steps between validations", section="Output")
    save_every: int = SAVE_EVERY(500)
    val_samples: int = option(32, "held-out samples of a validation", section="Output")
    val_fit: int = option(
        0, "of those, how many also get a body fitted, for its error in mm (about 1 s each)", section="Output"
    )
    tensorboard: bool = option(
        True, "scalars and images in out/tensorboard, where TensorBoard is installed", section="Output"
    )
    time_limit_min: float = TIME_LIMIT_MIN()
    augment: AugmentConfig = option(AugmentConfig, "augmentation")
