"""Loading npz files from outside: plain arrays only."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

from ...errors import InputError


def load_arrays(path: Path, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an npz (those of `keys` that it has, or all), never unpickling; InputError on any other file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {k: file[k] for k in file.files if keys is None or k in keys}
    except FileNotFoundError:
        raise InputError("a motion file", f"nothing at {path}", "check the path") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError, KeyError) as error:
        raise InputError(
            "a whole npz of plain arrays", f"{path}: {error}", "export the file again"
        ) from error
