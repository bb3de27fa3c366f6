"""Files of tensors in the safetensors format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from diffproxy.utils.io import atomic_path


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Safetensors, atomically, and readable for whom a new file is: the library's own are for their owner alone."""
    from safetensors.torch import save_file

    with atomic_path(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode
        save_file(dict(tensors), temporary, dict(metadata))
        temporary.chmod(mode)
