"""The options of `python -m diffproxy.single_view train_whole_picture`."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.utils.options import at_least, option, within
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


@dataclass(frozen=True)
class PictureTrainOptions:
    """Options of `train_whole_picture`."""

    shards: str = SHARDS("")
    val_shards: str = VAL_SHARDS("")
    out: str = option(
        "runs/whole_picture", "checkpoints, log and the finished network of whole pictures", "DIR", "Output"
    )
    body: str = BODY()
    steps: int = TRAINING_STEPS(5000)
    batch: int = option(6, "pictures per step")
    crop_share: float = option(
        0.2, "share of body crops, of which one person is labelled, where the shards have them"
    )
    composed_share: float = option(0.4, "share of pictures composed of people out of these crops")
    photometric: float = option(0.5, "strength of changes of light, blur, noise and occlusion")
    lr: float = LEARNING_RATE(6e-4)
    warmup_steps: int = WARMUP_STEPS(100)
    ema: float = EMA_DECAY(0.998)
    seed: int = SEED()
    val_pictures: int = option(48, "pictures of the held-out shards that are looked at with each checkpoint")
    save_every: int = SAVE_EVERY(250)
    time_limit_min: float = TIME_LIMIT_MIN()

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "save_every"):
            at_least(name, getattr(self, name), 1)
        for name in ("warmup_steps", "seed", "time_limit_min", "val_pictures"):
            at_least(name, getattr(self, name), 0)
        within("lr", self.lr, 1e-12, 1.0)
        within("ema", self.ema, 0.0, 0.999999)
        within("crop_share", self.crop_share, 0.0, 1.0)
        within("composed_share", self.composed_share, 0.0, 1.0 - self.crop_share)
        within("photometric", self.photometric, 0.0, 1.0)
