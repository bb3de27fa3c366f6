"""Options of `python -m diffproxy.single_view train`."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.utils.options import at_least, option, within
from diffproxy.utils.shared_options import (
    BODY,
    EMA_DECAY,
    LEARNING_RATE,
    SAVE_EVERY,
    SEED,
    TIME_LIMIT_MIN,
    TRAINING_STEPS,
    WARMUP_STEPS,
)


@dataclass(frozen=True)
class RegressorTrainOptions:
    """Options of `train`; defaults make the packaged network."""

    out: str = option("runs/single_view", "checkpoints, log and the finished network", "DIR", "Output")
    body: str = BODY()
    steps: int = TRAINING_STEPS(7400)
    batch: int = option(256, "people per step")
    lr: float = LEARNING_RATE(1e-3)
    warmup_steps: int = WARMUP_STEPS(300)
    ema: float = EMA_DECAY(0.999)
    seed: int = SEED()
    save_every: int = SAVE_EVERY(200)
    time_limit_min: float = TIME_LIMIT_MIN()

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "save_every"):
            at_least(name, getattr(self, name), 1)
        for name in ("warmup_steps", "seed", "time_limit_min"):
            at_least(name, getattr(self, name), 0)
        within("lr", self.lr, 1e-12, 1.0)
        within("ema", self.ema, 0.0, 0.999999)
