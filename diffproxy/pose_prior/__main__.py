"""Commands of the pose prior, options as name=value:

python -m diffproxy.pose_prior train motion=DIR out=DIR [steps=5000 hidden=384 minutes=30 ...]
python -m diffproxy.pose_prior convert official=DIR out=FILE.safetensors
python -m diffproxy.pose_prior sample out=FILE.npz [prior=FILE count=64 seed=0]
"""

from __future__ import annotations

import logging
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from diffproxy.utils.errors import InputError

USAGE = (__doc__ or "").split("\n\n", 1)[1]
log = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    """Run a command; InputError on anything it does not know."""
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        return
    command, words = arguments[0], arguments[1:]
    odd = [w for w in words if "=" not in w]
    commands = {"train": _train, "convert": _convert, "sample": _sample}
    if command not in commands or odd:
        raise InputError(f"one of {', '.join(commands)} and name=value", " ".join(arguments), USAGE)
    commands[command](dict(w.split("=", 1) for w in words))


def _train(options: dict[str, str]) -> None:
    from diffproxy.pose_prior.train import TrainConfig, train

    kinds: dict[str, Any] = {f.name: type(f.default) for f in fields(TrainConfig)}
    unknown = sorted(options.keys() - kinds.keys())
    if unknown or not options.get("motion"):
        raise InputError(
            f"motion=DIR and options among {', '.join(kinds)}", str(unknown or "no motion"), USAGE
        )
    try:
        config = TrainConfig(**{k: kinds[k](v) for k, v in options.items()})
    except ValueError as error:
        raise InputError("numbers where numbers are due", str(error), USAGE) from error
    log.info("wrote %s", train(config))


def _convert(options: dict[str, str]) -> None:
    from diffproxy.pose_prior.checkpoint import load_prior, save_prior

    _only(options, {"official", "out"}, {"official", "out"})
    if not Path(options["official"]).is_dir():
        raise InputError("a folder of published checkpoints", options["official"], USAGE)
    save_prior(load_prior(options["official"]), Path(options["out"]))
    log.info("wrote %s", options["out"])


def _sample(options: dict[str, str]) -> None:
    import numpy as np
    import torch

    from diffproxy.pose_prior.checkpoint import load_prior

    _only(options, {"out"}, {"out", "prior", "count", "seed"})
    prior = load_prior(options.get("prior"))
    generator = torch.Generator().manual_seed(int(options.get("seed", 0)))
    pose = prior.sample(int(options.get("count", 64)), generator).numpy()
    body, left, right = np.split(pose, [63, 108], axis=1)
    np.savez(options["out"], body_pose=body, left_hand_pose=left, right_hand_pose=right)
    log.info("wrote %s: %d poses", options["out"], len(pose))


def _only(options: dict[str, str], needed: set[str], allowed: set[str]) -> None:
    if needed - options.keys() or options.keys() - allowed:
        raise InputError(f"options {', '.join(sorted(allowed))}", ", ".join(sorted(options)) or "none", USAGE)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"error: {error}")
