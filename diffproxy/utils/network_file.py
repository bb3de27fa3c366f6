"""Files of one network each: safetensors in half precision, with its sizes as JSON metadata."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from diffproxy.utils.checkpoint import trained_state
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import file_sha256
from diffproxy.utils.safetensors_file import write_safetensors

NetworkT = TypeVar("NetworkT", bound=nn.Module)
VERSION = 1


@dataclass(frozen=True)
class NetworkFile:
    """One kind of file.

    Attributes:
        what: Name of the network in errors, without an article.
        key: Of the metadata.
        format: What the metadata call the format.
        fix: What to do about a wrong file.
    """

    what: str
    key: str
    format: str
    fix: str

    def write(self, path: Path, tensors: Mapping[str, Tensor], said: Mapping[str, Any]) -> None:
        """Write tensors with `said` in the metadata; the same values give the same bytes."""
        half = {k: v.detach().cpu().half().contiguous() for k, v in tensors.items()}
        text = {"format": self.format, "version": VERSION, **said}
        write_safetensors(path, half, {self.key: json.dumps(text, sort_keys=True)})

    def read(self, path: Path, build: Callable[[dict[str, Any]], NetworkT]) -> NetworkT:
        """The network of a file in evaluation mode, on the CPU, float32.

        Args:
            path: Written by `write`, with all parameters that are trained.
            build: Makes the network from what the metadata say.

        Raises:
            InputError: another file, or a damaged one.
        """
        from safetensors import SafetensorError, safe_open

        if not path.is_file():
            raise InputError(f"a {self.what}", f"no file at {path}", self.fix)
        try:
            with safe_open(path, "pt") as file:
                text = json.loads((file.metadata() or {}).get(self.key, "{}"))
                if (text.get("format"), text.get("version")) != (self.format, VERSION):
                    raise InputError(f"a {self.what} of version {VERSION}", f"{path}: {text}"[:300], self.fix)
                tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
            network = build(text)
            odd = network.load_state_dict(tensors, strict=False)
            wrong = odd.unexpected_keys + sorted({*odd.missing_keys} & trained_state(network).keys())
            if wrong:
                raise KeyError(f"other tensors: {wrong[:3]}")
        except InputError:
            raise
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise InputError(f"a {self.what} as safetensors", f"{path}: {error}"[:300], self.fix) from error
        if not all(torch.isfinite(p).all() for p in network.parameters()):
            raise InputError("finite weights", f"{path} with numbers that are not", self.fix)
        return network.eval().requires_grad_(False)

    def read_packaged(self, path: Path, sha256: str, build: Callable[[dict[str, Any]], NetworkT]) -> NetworkT:
        """The same of the file in the package, whose checksum is verified."""
        if not path.is_file() or file_sha256(path) != sha256:
            found = "another file" if path.is_file() else "no such file"
            raise InputError(f"the packaged {self.what}", f"{path}: {found}", "install the package again")
        return self.read(path, build)
