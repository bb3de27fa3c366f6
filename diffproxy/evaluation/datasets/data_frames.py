"""Pickled pandas data frames as columns, without pandas and without running what is in the file.

Objects of pandas become inert stand-ins, whose contents are taken out. Read: frames of pandas 1.0 to 2 (block managers
with a state, or made of blocks), each block holding some columns as rows of one array.
"""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.utils.bounded_files import Limits, regular_file
from diffproxy.utils.errors import InputError
from diffproxy.utils.unpickle import UNREADABLE, RestrictedUnpickler


class _Shell:
    """Stand-in for an object or function of pandas; keeps what it was made of."""

    def __new__(cls, *args: Any) -> _Shell:
        made = super().__new__(cls)
        made.args, made.state = args, None
        return made

    def __init__(self, *args: Any):
        self.args: tuple[Any, ...]
        self.state: Any

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Reader(RestrictedUnpickler):
    def find_class(self, module: str, name: str) -> object:
        if module.split(".")[0] == "pandas":
            return _Shell
        if (module, name) in (("builtins", "slice"), ("__builtin__", "slice")):
            return builtins.slice
        return super().find_class(module, name)


def read_data_frame(path: Path) -> dict[str, np.ndarray]:
    """Columns of a pickled data frame by name; cells may hold lists and arrays.

    Raises:
        InputError: damaged, no data frame, or objects of other classes than those of pandas and numpy.
    """
    regular_file(path, "a data frame", Limits.ARRAY_BYTES)
    try:
        with path.open("rb") as file:
            return _columns(_Reader(file, encoding="latin1").load())
    except InputError:
        raise
    except UNREADABLE as error:
        found = f"{path}: {' '.join(str(error).split())}"[:300]
        raise InputError("a pickled pandas data frame", found, "download it again") from error


def _columns(frame: Any) -> dict[str, np.ndarray]:
    state = frame.state if isinstance(frame, _Shell) and isinstance(frame.state, dict) else {}
    manager = state.get("_mgr", state.get("_data"))
    if not isinstance(manager, _Shell):
        raise ValueError("no block manager")
    if isinstance(manager.state, tuple):
        known = manager.state[3]["0.14.1"]
        axes, blocks = known["axes"], [(b["values"], b["mgr_locs"]) for b in known["blocks"]]
    else:
        blocks, axes = [(b.args[0], b.args[1]) for b in manager.args[0]], manager.args[1]
    names, rows = (_index(axis) for axis in axes)
    out: dict[str, np.ndarray] = {}
    for values, places in blocks:
        numbers = np.arange(len(names))[places]
        for number, column in zip(numbers, np.asarray(values), strict=True):
            if len(column) != len(rows):
                raise ValueError(f"{len(column)} values in a column of {len(rows)} rows")
            out[str(names[number])] = column
    return out


def _index(axis: Any) -> Any:
    """Labels of an axis: an array, or the numbers of a range."""
    about = axis.args[1] if isinstance(axis, _Shell) and len(axis.args) > 1 else {}
    if "data" in about:
        return about["data"]
    return range(about["start"], about["stop"], about["step"])
