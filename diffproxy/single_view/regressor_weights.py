"""Weight files of the body regressor."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from diffproxy.single_view.regressor import BodyRegressor, RegressorConfig
from diffproxy.utils.network_file import NetworkFile

PACKAGED = Path(str(files("diffproxy.single_view") / "weights" / "body_regressor.safetensors"))
SHA256 = "b8899f8d16330fa33d916678eab0d265e899c0a875a45fda104972ac84fd8f42"
"""Of the packaged file."""
KIND = NetworkFile(
    "body regressor",
    "regressor",
    "diffproxy-body-regressor",
    "train one: python -m diffproxy.single_view train out=DIR",
)


def save_regressor(network: BodyRegressor, path: Path, notes: dict[str, Any] | None = None) -> None:
    """Write a network with `notes` in its metadata; the same network gives the same bytes."""
    KIND.write(path, network.state_dict(), {"sizes": asdict(network.config), **(notes or {})})


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
    return KIND.read(Path(path).expanduser(), _sized)


@lru_cache(maxsize=1)
def _packaged() -> BodyRegressor:
    return KIND.read_packaged(PACKAGED, SHA256, _sized)


def _sized(text: dict[str, Any]) -> BodyRegressor:
    return BodyRegressor(RegressorConfig(**text["sizes"]))
