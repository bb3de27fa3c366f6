"""`python -m diffproxy.pose_prior train|convert|sample [name=value ...]`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from diffproxy.pose_prior.options import ConvertOptions, PriorTrainOptions, SampleOptions
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.io import output_file, write_npz
from diffproxy.utils.subcommand import Subcommand, run_subcommand

USAGE = """\
usage: python -m diffproxy.pose_prior COMMAND [name=value ...]

  train motion=DIR           train the diffusion pose prior on motion files; the same command resumes
  convert official=DIR       convert published checkpoints to our format
  sample out=FILE.npz        draw poses

`python -m diffproxy.pose_prior COMMAND --help` lists the options of a command.
"""
log = logging.getLogger(__name__)


def _train(options: PriorTrainOptions) -> None:
    from diffproxy.pose_prior.train import train

    log.info("wrote %s", train(options))


def _convert(options: ConvertOptions) -> None:
    from diffproxy.pose_prior.checkpoint import load_prior, save_prior

    if not Path(options.official).is_dir():
        raise InputError("a folder of published checkpoints", options.official, "write official=DIR")
    out = output_file(options.out, ".safetensors")
    save_prior(load_prior(options.official), out)
    log.info("wrote %s", out)


def _sample(options: SampleOptions) -> None:
    import numpy as np
    import torch

    from diffproxy.pose_prior.checkpoint import load_prior

    out = output_file(options.out, ".npz")
    prior = load_prior(options.prior or None)
    pose = prior.sample(options.count, torch.Generator().manual_seed(options.seed)).numpy()
    body, left, right = np.split(pose, [63, 108], axis=1)
    write_npz(out, {"body_pose": body, "left_hand_pose": left, "right_hand_pose": right})
    log.info("wrote %s: %d poses", options.out, len(pose))


COMMANDS = {
    "train": Subcommand(
        PriorTrainOptions, "usage: python -m diffproxy.pose_prior train motion=DIR", _train, ("motion",)
    ),
    "convert": Subcommand(
        ConvertOptions,
        "usage: python -m diffproxy.pose_prior convert official=DIR out=FILE",
        _convert,
        ("official", "out"),
    ),
    "sample": Subcommand(
        SampleOptions, "usage: python -m diffproxy.pose_prior sample out=FILE.npz", _sample, ("out",)
    ),
}


def main(words: list[str]) -> int:
    """Run a command; returns the exit status. Raises InputError for wrong words."""
    return run_subcommand(USAGE, COMMANDS, words)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(exit_status(lambda: main(sys.argv[1:])))
