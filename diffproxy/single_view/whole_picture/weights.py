"""Weight files of the network of whole pictures: what is trained of it, in half precision.

The encoder and the body regressor are in the package already; a file names the regressor it was trained with.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from diffproxy.body import BodyModel
from diffproxy.single_view.regressor_weights import SHA256 as REGRESSOR
from diffproxy.single_view.whole_picture.network import WholePictureConfig, WholePictureNetwork
from diffproxy.utils.checkpoint import trained_state
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import file_sha256
from diffproxy.utils.safetensors_file import write_safetensors

FILE = "whole_picture.safetensors"
FORMAT = "diffproxy-whole-picture"
NAME = "whole_picture"
PACKAGED = Path(str(files("diffproxy.single_view") / "weights" / FILE))
SHA256 = "2f9729483f813a1b559d9163cd2b459815a7ebd4dec966336ddc15c02d3c2d56"
"""Of the packaged file."""


def save_whole_picture(network: WholePictureNetwork, path: Path, notes: dict[str, Any] | None = None) -> None:
    """Write what is trained of a network, with `notes` in its metadata; the same network gives the same bytes."""
    tensors = {k: v.cpu().half().contiguous() for k, v in trained_state(network).items()}
    text = {
        "format": FORMAT, "version": 1, "sizes": asdict(network.config), "regressor": REGRESSOR, **(notes or {}),
    }  # fmt: skip
    write_safetensors(path, tensors, {"whole_picture": json.dumps(text, sort_keys=True)})


def load_whole_picture(name: str, body: BodyModel) -> WholePictureNetwork:
    """Load a network of whole pictures, in evaluation mode, on the CPU, float32.

    Args:
        name: File of `save_whole_picture`; `whole_picture`: the packaged network, whose checksum is verified.
        body: Body model.

    Raises:
        InputError: another file, a damaged one, or one that belongs to another body regressor.
    """
    from safetensors import SafetensorError, safe_open

    fix = "train one: python -m diffproxy.single_view train_whole_picture"
    path = PACKAGED if name == NAME else Path(name).expanduser()
    if not path.is_file():
        raise InputError("a network of whole pictures", f"no file at {path}", fix)
    if path == PACKAGED and file_sha256(path) != SHA256:
        raise InputError(
            "the packaged network of whole pictures", f"{path}: another file", "install the package again"
        )
    try:
        with safe_open(path, "pt") as file:
            text = json.loads((file.metadata() or {}).get("whole_picture", "{}"))
            if (text.get("format"), text.get("version"), text.get("regressor")) != (FORMAT, 1, REGRESSOR):
                wanted = "a network of whole pictures for the packaged body regressor"
                raise InputError(wanted, f"{path}: {text}"[:300], fix)
            network = WholePictureNetwork(body, WholePictureConfig(**text["sizes"]))
            own = trained_state(network)
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        if own.keys() != tensors.keys():
            raise KeyError(f"other tensors: {sorted(own.keys() ^ tensors.keys())[:3]}")
        with torch.no_grad():
            for key, value in own.items():
                value.copy_(tensors[key])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            "a network of whole pictures as safetensors", f"{path}: {error}"[:300], fix
        ) from error
    if not all(torch.isfinite(p).all() for p in network.parameters()):
        raise InputError("finite weights", f"{path} with numbers that are not", fix)
    return network.eval().requires_grad_(False)
