"""Weight files of the body regressor: safetensors in half precision, with the sizes of the network as metadata."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from diffproxy.single_view.regressor import BodyRegressor, RegressorConfig
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import file_sha256
from diffproxy.utils.safetensors_file import write_safetensors

PACKAGED = Path(str(files("diffproxy.single_view") / "weights" / "body_regressor.safetensors"))
SHA256 = "b8899f8d16330fa33d916678eab0d265e899c0a875a45fda104972ac84fd8f42"
"""Of the packaged file."""
FORMAT = "diffproxy-body-regressor"


def save_regressor(network: BodyRegressor, path: Path, notes: dict[str, Any] | None = None) -> None:
    """Write a network with `notes` in its metadata; the same network gives the same bytes."""
    tensors = {k: v.detach().cpu().half().contiguous() for k, v in network.state_dict().items()}
    text = {"format": FORMAT, "version": 1, "sizes": asdict(network.config), **(notes or {})}
    write_safetensors(path, tensors, {"regressor": json.dumps(text, sort_keys=True)})


def load_regressor(path: Path | str | None = None) -> BodyRegressor:
    """Load a body regressor.

    Args:
        path: File of `save_regressor`; None: the packaged network, whose checksum is verified.

    Returns:
        The network in evaluation mode, on the CPU, float32.

    Raises:
        InputError: another file, or a damaged one.
    """
    if path is None:
        return _packaged()
    return _read(Path(path).expanduser())


@lru_cache(maxsize=1)
def _packaged() -> BodyRegressor:
    if not PACKAGED.is_file() or file_sha256(PACKAGED) != SHA256:
        found = "a different file" if PACKAGED.is_file() else "no such file"
        raise InputError("the packaged body regressor", f"{PACKAGED}: {found}", "install the package again")
    return _read(PACKAGED)


def _read(path: Path) -> BodyRegressor:
    from safetensors import SafetensorError, safe_open

    fix = "train one: python -m diffproxy.single_view train out=DIR"
    if not path.is_file():
        raise InputError("a body regressor", f"no file at {path}", fix)
    try:
        with safe_open(path, "pt") as file:
            text = json.loads((file.metadata() or {}).get("regressor", "{}"))
            if text.get("format") != FORMAT or text.get("version") != 1:
                raise InputError("a body regressor of version 1", f"{path}: {text}"[:200], fix)
            network = BodyRegressor(RegressorConfig(**text["sizes"]))
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        network.load_state_dict(tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError("a body regressor as safetensors", f"{path}: {error}"[:300], fix) from error
    if not all(torch.isfinite(p).all() for p in network.parameters()):
        raise InputError("finite weights", f"{path} with numbers that are not", fix)
    return network.eval().requires_grad_(False)
