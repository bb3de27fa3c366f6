"""`python -m diffproxy.pose_prior train|convert|sample [name=value ...]`."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from diffproxy.utils.errors import InputError
from diffproxy.utils.options import exit_status, help_text, option, parse_options

INTRO = """\
usage: python -m diffproxy.pose_prior COMMAND [name=value ...]

  train motion=DIR           train the diffusion pose prior on motion files; the same command resumes
  convert official=DIR       published checkpoints to a file of ours
  sample out=FILE.npz        draw poses

`python -m diffproxy.pose_prior COMMAND --help` lists the options of a command.
"""
log = logging.getLogger(__name__)


@dataclass
class ConvertOptions:
    """Options of `convert`."""

    official: str = option("", "folder of published checkpoints", "DIR", "Input")
    out: str = option("", "file to write", "FILE.safetensors", "Output")


@dataclass
class SampleOptions:
    """Options of `sample`."""

    prior: str = option("", "trained weights; default: those in the package", "FILE|DIR", "Models")
    count: int = option(64, "number of poses")
    seed: int = option(0, "seed of the random numbers")
    out: str = option("", "file to write", "FILE.npz", "Output")


def main(words: list[str]) -> None:
    """Run a command. Raises InputError for wrong words."""
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(INTRO)
        return
    if words[0] not in COMMANDS:
        raise InputError(f"one of {', '.join(COMMANDS)}", words[0], "--help lists the commands")
    COMMANDS[words[0]](words[1:])


def _train(words: list[str]) -> None:
    from diffproxy.pose_prior.train import TrainConfig, train

    if {"-h", "--help"} & set(words):
        sys.stdout.write(help_text(TrainConfig, "python -m diffproxy.pose_prior train motion=DIR"))
        return
    log.info("wrote %s", train(parse_options(TrainConfig, words, required=("motion",))))


def _convert(words: list[str]) -> None:
    if {"-h", "--help"} & set(words):
        sys.stdout.write(
            help_text(ConvertOptions, "python -m diffproxy.pose_prior convert official=DIR out=FILE")
        )
        return
    from diffproxy.pose_prior.checkpoint import load_prior, save_prior

    options = parse_options(ConvertOptions, words, required=("official", "out"))
    if not Path(options.official).is_dir():
        raise InputError("a folder of published checkpoints", options.official, "write official=DIR")
    save_prior(load_prior(options.official), Path(options.out))
    log.info("wrote %s", options.out)


def _sample(words: list[str]) -> None:
    if {"-h", "--help"} & set(words):
        sys.stdout.write(help_text(SampleOptions, "python -m diffproxy.pose_prior sample out=FILE.npz"))
        return
    import numpy as np
    import torch

    from diffproxy.pose_prior.checkpoint import load_prior

    options = parse_options(SampleOptions, words, required=("out",))
    prior = load_prior(options.prior or None)
    pose = prior.sample(options.count, torch.Generator().manual_seed(options.seed)).numpy()
    body, left, right = np.split(pose, [63, 108], axis=1)
    np.savez(options.out, body_pose=body, left_hand_pose=left, right_hand_pose=right)
    log.info("wrote %s: %d poses", options.out, len(pose))


COMMANDS = {"train": _train, "convert": _convert, "sample": _sample}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(exit_status(lambda: main(sys.argv[1:])))
