"""Options of a training run of the generator (`train_generator.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, one_of, option, refuse_unread, within
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

    crop_scale: tuple[float, float] = option(
        (1.0, 1.7),
        "side of the crop over the longer side of the labelled box, drawn log-uniformly from this range",
        "[LOW,HIGH]",
    )
    keep_crop: float = option(0.15, "probability that the stored crop is used instead")
    shift: float = option(0.10, "maximum shift of the crop, as a fraction of its side")
    roll_deg: float = option(12.0, "standard deviation of the roll, degrees")
    uniform_roll: float = option(
        0.1, "probability of a roll drawn from all angles: people lie and hang, cameras stand on their side"
    )
    cut: float = option(
        0.0, "probability that the edges of the frame cut the person off, in all views of a sample"
    )
    photometric: float = option(1.0, "strength of the photometric effects; 0 switches them off")
    flip: float = option(0.5, "probability of a left-right flip of all views of a sample")

    def __post_init__(self) -> None:
        """InputError for values out of range."""
        for name in ("keep_crop", "uniform_roll", "cut", "flip"):
            within(f"augment.{name}", getattr(self, name), 0.0, 1.0)
        within("augment.shift", self.shift, 0.0, 10.0)
        within("augment.roll_deg", self.roll_deg, 0.0, 360.0)
        within("augment.photometric", self.photometric, 0.0, 10.0)
        if len(self.crop_scale) != 2 or not 0.1 <= self.crop_scale[0] <= self.crop_scale[1] <= 100:
            found = f"augment.crop_scale={list(self.crop_scale)}"
            raise InputError(
                "augment.crop_scale as [LOW,HIGH], 0.1 to 100", found, "write augment.crop_scale=[1,1.7]"
            )


@dataclass
class TrainConfig:
    """All options of `train_generator.py`."""

    stage: str = option(
        "generator",
        "train the generator, or only the VAE decoder of sd21 on proxy images",
        "generator|decoder",
    )
    out: str = option("runs/nano", "checkpoints, curves, sample grids, the exported model", "DIR", "Output")
    shards: str = SHARDS("shards/train")
    val_shards: str | None = VAL_SHARDS(None)
    generator: str = option(
        "nano",
        "a configuration with untrained weights (nano, sd21), or a start from those in the package, or from a saved "
        "generator",
        "nano|sd21|packaged|DIR",
        "Models",
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
    epochs: float = option(0.0, "passes over the subjects; replaces steps. 0: as many steps as steps= says")
    batch: int = option(4, "samples of a batch, each of `views` views, in each process")
    accumulate: int = option(1, "batches whose gradients are averaged before each step")
    views: int = option(4, "views per sample")
    hands: bool = option(True, "hand crops are used as views too")
    hand_cameras: str = option(
        "any", "cameras of those hand crops: any, or (paper) those of the sample's body views", "any|body"
    )
    lr: float = LEARNING_RATE(5e-5)
    encoder_lr: float = option(0.0, "learning rate of the image encoder; 0 keeps it frozen")
    keypoint_matching: float = option(
        1.0,
        "with encoder_lr: weight of the distance between the joint maps of a MoveNet encoder and the published ones",
    )
    warmup_steps: int = WARMUP_STEPS(200)
    schedule: str = option("cosine", "learning rate after the warm-up", "cosine|constant")
    clip_norm: float = option(1.0, "maximum gradient norm")
    weight_decay: float = option(0.01, "weight decay")
    ema: float = EMA_DECAY(0.999)

    dense_weight: float = option(1.0, "weight of the dense regression head's loss; 0 switches it off")
    diffusion_weight: float = option(1.0, "weight of the paper's Eq. 1; 0 skips the UNet: the warm-up stage")
    freeze_conditioning: bool = option(
        False, "train the UNet alone, on a warmed-up regression head that stays as it is"
    )
    fresh_unet: bool = option(
        False, "initialise the UNet of generator=DIR at random and keep all other weights"
    )
    foreground_weight: float = option(3.0, "weight of foreground pixels over background")
    condition_dropout: float = option(
        0.0, "share of samples whose UNet sees neither adapter features nor image tokens"
    )
    timestep_sampling_power: float = option(
        1.0,
        "p of the training timestep t = T (1 - u^p), u uniform: 1 uniform in t, 3 favours noisy timesteps",
    )

    precision: str = option("bf16", "mixed precision of accelerate", "no|bf16|fp16")
    channels_last: bool = option(True, "memory layout: faster on a GPU, 10 % slower on a CPU")
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

    def __post_init__(self) -> None:
        """InputError for values out of range."""
        one_of("stage", self.stage, ("generator", "decoder"))
        one_of("precision", self.precision, ("bf16", "no", "fp16"))
        one_of("schedule", self.schedule, ("cosine", "constant"))
        one_of("hand_cameras", self.hand_cameras, ("any", "body"))
        within("epochs", self.epochs, 0.0, 1e6)
        for name in (
            "steps",
            "batch",
            "accumulate",
            "views",
            "log_every",
            "val_every",
            "save_every",
            "val_samples",
        ):
            at_least(name, getattr(self, name), 1)
        for name in (
            "seed",
            "workers",
            "warmup_steps",
            "val_fit",
            "encoder_lr",
            "keypoint_matching",
            "weight_decay",
            "time_limit_min",
        ):
            at_least(name, getattr(self, name), 0)
        for name in ("dense_weight", "diffusion_weight", "foreground_weight", "timestep_sampling_power"):
            at_least(name, getattr(self, name), 0)
        within("lr", self.lr, 1e-12, 1.0)
        within("clip_norm", self.clip_norm, 1e-6, 1e6)
        within("ema", self.ema, 0.0, 0.999999)
        within("condition_dropout", self.condition_dropout, 0.0, 1.0)
        if not self.val_shards:
            refuse_unread(self, ("val_fit",), "val_shards=DIR")
        if not self.encoder_lr:
            refuse_unread(self, ("keypoint_matching",), "encoder_lr=1e-4")
        if self.freeze_conditioning:
            refuse_unread(self, ("encoder_lr",), "freeze_conditioning=false")
        if not self.out.strip():
            raise InputError("out=DIR", "an empty name", "write out=runs/my_run")
