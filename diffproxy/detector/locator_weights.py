"""Locator weights on disk: half-precision safetensors with a checksum beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch

from diffproxy.detector.model import Locator
from diffproxy.utils.errors import InputError

PACKAGED = Path(__file__).parent / "weights"
WEIGHTS, CONFIG = "locator.safetensors", "config.json"


def save_locator(model: Locator, folder: Path) -> Path:
    """Write weights (float16) and `config.json` with their SHA-256."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().half().contiguous() for k, v in model.state_dict().items()}
    temporary = folder / (WEIGHTS + ".tmp")
    save_file(state, temporary)
    digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    temporary.rename(folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"width": model.width, "sha256": digest}, indent=1) + "\n")
    return folder


def load_locator(source: str | Path = "nano") -> Locator:
    """The packaged locator ("nano") or one saved by `save_locator`, in evaluation mode.

    Raises InputError for a missing folder, or a file that is not the one that was saved.
    """
    from safetensors.torch import load_file

    folder = PACKAGED if str(source) == "nano" else Path(source)
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise InputError(
            f"a locator folder with {CONFIG} and {WEIGHTS}",
            str(folder),
            "train one: python -m diffproxy.training.detector --help",
        )
    config = json.loads((folder / CONFIG).read_text())
    if hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() != config["sha256"]:
        raise InputError(
            f"{WEIGHTS} with the SHA-256 of {CONFIG}",
            "a different file (truncated or edited)",
            "install the package again",
        )
    model = Locator(config["width"])
    model.load_state_dict({k: v.to(torch.float32) for k, v in load_file(folder / WEIGHTS).items()})
    return model.eval()
