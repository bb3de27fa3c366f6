"""Options of `python -m diffproxy.pose_prior`."""

from __future__ import annotations

from dataclasses import dataclass

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, option, within
from diffproxy.utils.shared_options import (
    EMA_DECAY,
    LEARNING_RATE,
    MOTION,
    SAVE_EVERY,
    SEED,
    TIME_LIMIT_MIN,
    TRAINING_STEPS,
    WARMUP_STEPS,
)


@dataclass(frozen=True)
class PriorTrainOptions:
    """Options of `train`. Defaults make the packaged prior; the published one is hidden=1024 embed=512 steps=200000
    batch=1280.
    """

    motion: str = MOTION()
    out: str = option("runs/prior", "checkpoint, report and the finished prior", "DIR", "Output")
    hidden: int = option(384, "width of the body's network", section="Models")
    embed: int = option(96, "width of the time embedding of the body's network", section="Models")
    hand_hidden: int = option(192, "width of the hands' network", section="Models")
    hand_embed: int = option(64, "width of the time embedding of the hands' network", section="Models")
    steps: int = TRAINING_STEPS(5000)
    batch: int = option(256, "poses per step")
    lr: float = LEARNING_RATE(1e-3)
    warmup_steps: int = WARMUP_STEPS(300)
    ema: float = EMA_DECAY(0.999)
    dropout: float = option(0.1, "dropout")
    jitter: float = option(
        0.05,
        "standard deviation of the noise added to body poses in training, radians: the performers are few",
    )
    hand_jitter: float = option(
        0.1,
        "standard deviation of the noise added to finger poses, radians: there are about a hundred hand shapes",
    )
    low_times: float = option(
        0.6,
        "share of diffusion times drawn from t < 0.5, where the fitter uses the prior; the rest from all times",
    )
    limb_width: float = option(
        0.2, "radians added in quadrature to the standard deviations that poses are divided by"
    )
    seed: int = SEED()
    save_every: int = SAVE_EVERY(1000)
    time_limit_min: float = TIME_LIMIT_MIN()

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "save_every"):
            at_least(name, getattr(self, name), 1)
        for name, unit, low in (("hidden", 32, 32), ("embed", 2, 4)):  # groups of channels; sines and cosines
            for side in (name, f"hand_{name}"):
                at_least(side, width := getattr(self, side), low)
                if width % unit:
                    fix = f"write {side}={width // unit * unit + unit}"
                    raise InputError(f"{side} as a multiple of {unit}", f"{side}={width}", fix)
        for name in ("warmup_steps", "jitter", "hand_jitter", "limb_width", "seed", "time_limit_min"):
            at_least(name, getattr(self, name), 0)
        within("lr", self.lr, 1e-12, 1.0)
        within("ema", self.ema, 0.0, 0.999999)
        within("dropout", self.dropout, 0.0, 0.99)
        within("low_times", self.low_times, 0.0, 1.0)


@dataclass
class ConvertOptions:
    """Options of `convert`."""

    official: str = option("", "folder of published checkpoints", "DIR", "Input")
    out: str = option("", "weights file to write", "FILE.safetensors", "Output")


@dataclass
class SampleOptions:
    """Options of `sample`."""

    prior: str = option("", "trained weights; default: those in the package", "FILE|DIR", "Models")
    count: int = option(64, "number of poses")
    seed: int = SEED()
    out: str = option("", "file of poses to write", "FILE.npz", "Output")

    def __post_init__(self) -> None:
        within("count", self.count, 1, 10_000_000)
        at_least("seed", self.seed, 0)
