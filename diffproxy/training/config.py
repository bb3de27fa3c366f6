"""Options of a training run; Hydra fills this from conf/train.yaml and rejects unknown keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from diffproxy.training.augment import AugmentConfig


@dataclass
class TrainConfig:
    stage: str = "generator"  # generator | decoder: the VAE decoder alone, on proxy images (paper §4.1)
    out: str = "runs/nano"  # checkpoints, curves, sample grids, the exported model
    shards: str = "shards/train"
    val_shards: str | None = None
    generator: str = "nano"  # a named configuration, or a saved generator to start from
    network: dict[str, Any] = field(
        default_factory=dict
    )  # changes to its GeneratorConfig: {attention: {text: false}}
    sources: dict[str, str] = field(
        default_factory=dict
    )  # local folders of public parts, e.g. {unet: /weights/sd21}
    download: bool = False  # allow the hub for public parts
    body: str = "anny"

    steps: int = 10_000
    batch: int = 4  # samples; each has `views` slots
    views: int = 4
    hands: bool = True
    lr: float = 5e-5
    encoder_lr: float = 0.0  # 0 keeps the image encoder frozen
    warmup_steps: int = 200
    clip_norm: float = 1.0
    weight_decay: float = 0.01
    ema: float = 0.999

    dense_weight: float = 1.0  # direct proxy regression (auxiliary head); 0 switches it off
    diffusion_weight: float = 1.0  # paper Eq. 1; 0 skips the UNet: the warm-up stage
    freeze_conditioning: bool = False  # train the UNet alone, on a warmed-up direct head that stays as it is
    fresh_unet: bool = False  # of generator=FOLDER keep all but the UNet, which starts anew
    foreground_weight: float = 3.0
    condition_dropout: float = (
        0.0  # share of samples whose UNet sees neither adapter features nor image tokens
    )
    t_power: float = 1.0  # t = T (1 - u^p): 1 uniform, 3 favours the noisy end where structure is decided

    precision: str = "bf16"  # accelerate mixed precision: no | bf16 | fp16
    channels_last: bool = True  # pays on a GPU; on a CPU the UNet trains 10 % faster without it
    gradient_checkpointing: bool = False  # recompute UNet blocks in the backward pass: less memory, more time
    seed: int = 0
    workers: int = 1
    log_every: int = 20
    val_every: int = 500
    save_every: int = 500
    val_samples: int = 32
    val_fit: int = 0  # of those, how many also get a body fitted, for its error in mm (about 1 s each)
    tensorboard: bool = True  # scalars and pictures in out/tensorboard, where TensorBoard is installed
    time_limit_min: float = 0.0  # stop cleanly (checkpoint, export) after so many minutes; 0 = no limit
    augment: AugmentConfig = field(default_factory=AugmentConfig)
