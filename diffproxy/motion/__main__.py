"""`python -m diffproxy.motion build_bank motion=DIR`: the pose bank from motion files."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from diffproxy.motion.pose_bank.build import build_bank
from diffproxy.motion.pose_bank.sampler import BANK_FILE
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import exit_status, help_text, option, parse_options

INTRO = """\
usage: python -m diffproxy.motion build_bank motion=DIR [name=value ...]

Collects poses of motion files for render_synth, the poses of training and test sets from different files.
"""


@dataclass
class BankOptions:
    """Options of `build_bank`."""

    motion: str = option("", "folder of motion files", "DIR", "Input")
    train: int = option(6000, "training poses")
    test: int = option(800, "test poses")
    seed: int = option(0, "seed of the selection")
    out: str = option(str(BANK_FILE), "file to write", "FILE", "Output")


def main(words: list[str]) -> None:
    """Run the command. Raises InputError for wrong words."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not words or {"-h", "--help"} & set(words):
        sys.stdout.write(help_text(BankOptions, INTRO))
        return
    if words[0] != "build_bank":
        raise InputError(
            "the command build_bank", words[0], "python -m diffproxy.motion build_bank motion=DIR"
        )
    options = parse_options(BankOptions, words[1:], required=("motion",))
    build_bank(Path(options.motion), Path(options.out), options.train, options.test, options.seed)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(sys.argv[1:])))
