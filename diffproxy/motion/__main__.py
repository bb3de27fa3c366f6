"""`python -m diffproxy.motion build_bank motion=DIR [out=FILE] [train=6000] [test=800] [seed=0]`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from diffproxy.motion.pose_bank.build import build_bank
from diffproxy.motion.pose_bank.sampler import BANK_FILE
from diffproxy.utils.errors import InputError

USAGE = "python -m diffproxy.motion build_bank motion=DIR [out=FILE] [train=6000] [test=800] [seed=0]"


def main(arguments: list[str]) -> None:
    """Run the command; InputError on anything it does not know."""
    if arguments[:1] in (["-h"], ["--help"]):
        sys.stdout.write(USAGE + "\n")
        return
    options = dict(a.split("=", 1) for a in arguments[1:] if "=" in a)
    unknown = options.keys() - {"motion", "out", "train", "test", "seed"}
    if (
        arguments[:1] != ["build_bank"]
        or unknown
        or "motion" not in options
        or len(options) != len(arguments) - 1
    ):
        raise InputError("build_bank and key=value options", " ".join(arguments) or "nothing", USAGE)
    try:
        numbers = {k: int(options[k]) for k in ("train", "test", "seed") if k in options}
    except ValueError as error:
        raise InputError("whole numbers for train, test and seed", str(error), USAGE) from error
    build_bank(Path(options["motion"]), Path(options.get("out", BANK_FILE)), **numbers)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
