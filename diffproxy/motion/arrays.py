"""Loading npz files from outside: plain arrays only."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

from diffproxy.utils.errors import InputError

# All that numpy and zipfile were seen to raise on cut, spoilt or foreign files.
_BROKEN = (
    ValueError, OSError, EOFError, AttributeError, KeyError, SyntaxError, NotImplementedError, RuntimeError,
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError,
)  # fmt: skip


def load_arrays(path: Path, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an npz (those of `keys` that it has, or all), never unpickling; InputError on any other file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {k: file[k] for k in file.files if keys is None or k in keys}
    except FileNotFoundError:
        raise InputError("a motion file", f"nothing at {path}", "check the path") from None
    except _BROKEN as error:
        raise InputError(
            "a whole npz of plain arrays", f"{path}: {error}", "export the file again"
        ) from error
