"""Arrays and tensors of unknown origin: .npz, .npy and .safetensors, without pickled objects and limited in size.

Every function raises InputError and nothing else, whatever the file holds.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.utils.bounded_files import Limits, damaged_file, regular_file
from diffproxy.utils.errors import InputError


def read_npz(
    path: Path, what: str, names: Collection[str] | None = None, limit: int = Limits.ARRAY_BYTES
) -> dict[str, np.ndarray]:
    """Arrays of an .npz without pickled objects.

    Args:
        path: The file.
        what: What it should be, for errors.
        names: Arrays to read, where the file has them; None: all.
        limit: Most bytes of its arrays together, decompressed, as their headers state.

    Returns:
        Name -> array.

    Raises:
        InputError: no regular file, no npz, damaged, pickled objects, arrays that are too large.
    """
    regular_file(path, what, limit)
    where = f"{what} in {path}"
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
            stated = sum(_stated_bytes(archive, member) for member in archive.infolist())
            if max(total, stated) > limit:
                found = f"arrays of {max(total, stated) / (1 << 20):.0f} MiB"
                raise InputError(f"{where}, at most {limit >> 20} MiB", found, "check the file")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if names is None or name in names}
    except InputError:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for damaged files
        damaged_file(where, error)


def read_npy(path: Path, what: str, limit: int = Limits.ARRAY_BYTES) -> np.ndarray:
    """The array of an .npy without pickled objects; InputError where it is none, damaged or too large."""
    regular_file(path, what, limit)
    try:
        values = np.load(path, allow_pickle=False)
        if isinstance(values, np.ndarray):
            return values
    except Exception as error:  # as above
        damaged_file(f"{what} in {path}", error)
    raise InputError(f"{what} in {path}, one array", "an .npz", "save it with numpy.save")


def as_numbers(
    value: Any, shape: Sequence[int | None] | None, what: str, fix: str = "download or write the file again"
) -> np.ndarray:
    """Finite numbers of a stated shape.

    Args:
        value: Lists or arrays of a file, of any content.
        shape: Length of each axis, None for any length; None: any shape.
        what: What they should be and in which file, for errors.
        fix: What to do about an error.

    Returns:
        A float64 array of that shape.

    Raises:
        InputError: text, objects or complex numbers, another shape, NaN or infinite values.
    """
    try:
        given = np.asarray(value)
        numbers = np.asarray(given, dtype=np.float64) if given.dtype.kind in "fiubO" else None
    except (TypeError, ValueError, OverflowError) as error:  # ragged lists, objects of other classes
        raise InputError(f"numbers: {what}", " ".join(str(error).split())[:200], fix) from error
    if numbers is None:
        raise InputError(f"numbers: {what}", f"type {given.dtype}", fix)
    wanted = numbers.shape if shape is None else tuple(shape)
    if len(wanted) != numbers.ndim or any(
        n not in (None, m) for n, m in zip(wanted, numbers.shape, strict=True)
    ):
        words = ", ".join("any" if n is None else str(n) for n in wanted)
        raise InputError(f"{what} of shape ({words})", f"{numbers.shape}", fix)
    if not np.isfinite(numbers).all():
        raise InputError(f"finite numbers: {what}", "NaN or infinite values", fix)
    return numbers


def _stated_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Bytes that the header of an array asks for; 0 for members that are no arrays."""
    if not member.filename.endswith(".npy"):
        return 0
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
    return math.prod(int(n) for n in shape) * dtype.itemsize


def read_safetensors(path: Path, what: str, limit: int = 16 << 30) -> dict[str, Any]:
    """All tensors of a .safetensors file on the CPU; InputError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    regular_file(path, what, limit)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        damaged_file(f"{what} in {path}", error)
