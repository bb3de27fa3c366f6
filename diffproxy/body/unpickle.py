"""Reader of the official SMPL-X pickles that runs none of their code.

Only numpy arrays and plain containers are built. Objects of `chumpy` and `scipy.sparse`, which those files contain,
become inert stand-ins whose arrays are taken out; any other class is an error with its name.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.utils.bounded_files import Limits, regular_file
from diffproxy.utils.errors import InputError
from diffproxy.utils.unpickle import UNREADABLE, RestrictedUnpickler


class _Shell:
    """Stand-in for an object of a class that is not imported; keeps its state."""

    def __init__(self, *args: object):
        self.state: dict = {}

    def __setstate__(self, state: object) -> None:
        self.state = state if isinstance(state, dict) else {}


class _Reader(RestrictedUnpickler):
    def find_class(self, module: str, name: str) -> object:
        if module.split(".")[0] == "chumpy" or module.startswith("scipy.sparse"):
            return _Shell
        return super().find_class(module, name)


def load_restricted(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a body pickle by name; entries that are not arrays are left out. Raises InputError."""
    data = load_plain_pickle(path)
    if not isinstance(data, dict):
        raise InputError(
            "a dict of arrays", f"{type(data).__name__} in {path}", "use the .npz of the same model"
        )
    arrays = {str(k): _array(v) for k, v in data.items()}
    return {k: v for k, v in arrays.items() if v is not None}


def load_plain_pickle(path: Path) -> Any:
    """A pickle of arrays, numbers, text and plain containers. Raises InputError for anything else."""
    try:
        with path.open("rb") as file:
            return _Reader(file, encoding="latin1").load()
    except UNREADABLE as error:
        raise InputError(
            "a pickle of plain arrays",
            f"{path}: {error}",
            "use the .npz of the same model, or download it again",
        ) from error


def read_plain_npz(path: Path, what: str) -> dict[str, Any]:
    """Content of an .npz with pickled objects (dicts of arrays, text), built by the reader that runs nothing.

    Raises:
        InputError: no .npz, damaged, too large, or objects of any other class.
    """
    regular_file(path, what, Limits.ARRAY_BYTES)
    content: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > Limits.ARRAY_BYTES:
                raise InputError(f"{what} of at most 4 GiB in {path}", "more", "check the file")
            for member in archive.infolist():
                with archive.open(member) as file:
                    data = io.BytesIO(file.read())
                content[member.filename.removesuffix(".npy")] = _npy_member(data)
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib, numpy and pickle raise many kinds for damaged files
        raise InputError(f"{what} as plain arrays", f"{path}: {error}"[:300], "download it again") from error
    return content


def plain_dict(value: Any) -> Mapping[str, Any]:
    """A dict that numpy stored as an array without dimensions; empty where it is something else."""
    inner = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    return inner if isinstance(inner, Mapping) else {}


def _npy_member(data: io.BytesIO) -> Any:
    version = np.lib.format.read_magic(data)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    if header(data)[2].hasobject:
        return _Reader(data, encoding="latin1").load()
    data.seek(0)
    return np.lib.format.read_array(data, allow_pickle=False)


def _array(value: object) -> np.ndarray | None:
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, _Shell):
        return None
    state = value.state
    if {
        "data",
        "indices",
        "indptr",
        "_shape",
    } <= state.keys():  # a sparse matrix; SMPL files use columns (csc)
        return _from_csc(state)
    for key in ("x", "_x", "a"):  # where chumpy stores its values
        if key in state:
            return _array(state[key])
    return None


def _from_csc(state: dict) -> np.ndarray:
    shape = tuple(int(n) for n in state["_shape"])
    dense = np.zeros(shape)
    columns = np.repeat(np.arange(shape[1]), np.diff(state["indptr"]))
    dense[np.asarray(state["indices"]), columns] = state["data"]
    return dense
