"""Weight files of the network of whole pictures: what is trained of it.

The encoder and the body regressor are in the package already; a file names the regressor it was trained with.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from diffproxy.body import BodyModel
from diffproxy.single_view.regressor_weights import SHA256 as REGRESSOR
from diffproxy.single_view.whole_picture.network import WholePictureConfig, WholePictureNetwork
from diffproxy.utils.checkpoint import trained_state
from diffproxy.utils.errors import InputError
from diffproxy.utils.network_file import NetworkFile

FILE = "whole_picture.safetensors"
NAME = "whole_picture"
PACKAGED = Path(str(files("diffproxy.single_view") / "weights" / FILE))
SHA256 = "2f9729483f813a1b559d9163cd2b459815a7ebd4dec966336ddc15c02d3c2d56"
"""Of the packaged file."""
KIND = NetworkFile(
    "network of whole pictures",
    "whole_picture",
    "diffproxy-whole-picture",
    "train one: python -m diffproxy.single_view train_whole_picture",
)


def save_whole_picture(network: WholePictureNetwork, path: Path, notes: dict[str, Any] | None = None) -> None:
    """Write what is trained of a network, with `notes` in its metadata; the same network gives the same bytes."""
    said = {"sizes": asdict(network.config), "regressor": REGRESSOR, **(notes or {})}
    KIND.write(path, trained_state(network), said)


def load_whole_picture(name: str, body: BodyModel) -> WholePictureNetwork:
    """Load a network of whole pictures, in evaluation mode, on the CPU, float32.

    Args:
        name: File of `save_whole_picture`; `whole_picture`: the packaged network, whose checksum is verified.
        body: Body model.

    Raises:
        InputError: another file, a damaged one, or one that belongs to another body regressor.
    """

    def build(text: dict[str, Any]) -> WholePictureNetwork:
        if text.get("regressor") != REGRESSOR:
            found = f"{name}: one for {text.get('regressor')}"
            raise InputError(f"a {KIND.what} for the packaged body regressor", found, KIND.fix)
        return WholePictureNetwork(body, WholePictureConfig(**text["sizes"]))

    if name == NAME:
        return KIND.read_packaged(PACKAGED, SHA256, build)
    return KIND.read(Path(name).expanduser(), build)
