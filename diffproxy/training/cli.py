"""The command `train` (`train_generator.py`, `diffproxy train`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, cast

from diffproxy.cli import Command
from diffproxy.training.config import AugmentConfig, TrainConfig
from diffproxy.utils.exit_status import leave_with_parent
from diffproxy.utils.extras import require_extra
from diffproxy.utils.hydra_compose import compose_options
from diffproxy.utils.options import refuse_unread
from diffproxy.utils.processes import Processes

INTRO = """\
Train the proxy generator on rendered shards; the same command resumes.

  python train_generator.py shards=shards/train out=runs/warmup diffusion_weight=0 lr=8e-4
  python train_generator.py shards=shards/train generator=runs/warmup/model out=runs/nano freeze_conditioning=true
  torchrun --nproc_per_node 4 train_generator.py preset=paper shards=shards/train out=runs/sd21

`diffproxy train` is the same command where the package is installed.
"""
OF_THE_UNET = {"condition_dropout", "timestep_sampling_power", "gradient_checkpointing"}
TRAIN = Command("train", TrainConfig, INTRO, folder="training")


def read_config(words: Sequence[str]) -> TrainConfig:
    """The training run that these command-line words describe. InputError for a word that the schema rejects."""
    from omegaconf import OmegaConf

    from diffproxy.generator.config import with_tuples  # imports the networks: not for --help

    overrides = TRAIN.overrides(words)
    values = cast(dict[str, Any], OmegaConf.to_container(compose_options(TRAIN.conf, "train", overrides)))
    config = TrainConfig(**{**values, "augment": AugmentConfig(**with_tuples(values["augment"]))})
    refuse_unread_words(config, words)
    return config


def refuse_unread_words(config: TrainConfig, words: Sequence[str]) -> None:
    """InputError for options that somebody typed though nothing reads them; those of a preset are fine."""
    typed = {word.partition("=")[0].lstrip("+") for word in words}
    if not config.hands:
        refuse_unread(config, sorted(typed & {"hand_cameras"}), "hands=true")
    if not config.diffusion_weight:
        refuse_unread(config, sorted(typed & OF_THE_UNET), "diffusion_weight above 0")


def run(config: TrainConfig) -> None:
    """Train, and say where the weights are."""
    require_extra("accelerate", "train")
    from diffproxy.training.trainer import train

    train(config)


def main(words: Sequence[str] | None = None) -> int:
    """Run `train` with these command-line words; returns the exit status."""
    if not Processes.current().is_alone:
        leave_with_parent()  # first of all: a launcher may be killed while torch is imported
    words = sys.argv[1:] if words is None else words

    def task(config: TrainConfig) -> None:
        refuse_unread_words(config, words)
        run(config)

    return TRAIN.run(words, task)
