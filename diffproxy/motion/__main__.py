"""`python -m diffproxy.motion build_bank motion=DIR`: the pose bank from motion files."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import at_least, option
from diffproxy.utils.shared_options import MOTION, SEED
from diffproxy.utils.subcommand import Subcommand, run_subcommand

USAGE = """\
usage: python -m diffproxy.motion build_bank motion=DIR [name=value ...]

Collects poses of motion files for render_synth. Training and test poses come from different files.
"""


@dataclass
class BankOptions:
    """Options of `build_bank`."""

    motion: str = MOTION()
    train: int = option(6000, "training poses")
    test: int = option(800, "test poses")
    seed: int = SEED()
    out: str = option("", "pose bank to write; by default the packaged one", "FILE", "Output")

    def __post_init__(self) -> None:
        at_least("train", self.train, 1)
        at_least("test", self.test, 1)
        at_least("seed", self.seed, 0)


def _build_bank(options: BankOptions) -> None:
    from diffproxy.motion.pose_bank.build import build_bank
    from diffproxy.motion.pose_bank.sampler import BANK_FILE

    build_bank(
        Path(options.motion), Path(options.out or BANK_FILE), options.train, options.test, options.seed
    )


COMMANDS = {"build_bank": Subcommand(BankOptions, USAGE, _build_bank, required=("motion",))}


def main(words: list[str]) -> int:
    """Run the command; returns the exit status. Raises InputError for wrong words."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return run_subcommand(USAGE, COMMANDS, words)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(sys.argv[1:])))
