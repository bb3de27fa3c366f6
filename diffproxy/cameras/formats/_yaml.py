"""OpenCV's YAML dialect as plain dictionaries, and matrices out of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.formats._files import text_of
from diffproxy.cameras.formats._numbers import to_float
from diffproxy.utils.bounded_text import parse_yaml
from diffproxy.utils.errors import InputError


def read_yaml(path: Path) -> dict:
    """Mapping of strings, lists and mappings; numbers stay text (see `matrix`). InputError if it is no YAML.

    OpenCV starts its files with "%YAML:1.0", which is not YAML, and tags matrices "!!opencv-matrix". The base
    loader builds only text, lists and mappings: as safe as the safe loader, and it keeps names such as 01.
    """
    lines = [line for line in text_of(path).splitlines() if not line.startswith("%YAML")]
    data = parse_yaml("\n".join(lines), f"a calibration in {path}")
    if not isinstance(data, dict):
        raise InputError(
            f"a mapping of names to matrices in {path}", type(data).__name__, "write the file again"
        )
    return data


def matrix(entry, what: str) -> Float[np.ndarray, ...]:
    """A matrix from OpenCV's {rows, cols, data} or {sizes, data}, or from (nested) lists; float64."""
    if isinstance(entry, dict):
        data, sizes = entry.get("data"), entry.get("sizes", [entry.get("rows"), entry.get("cols")])
        if not isinstance(data, list) or not isinstance(sizes, list) or None in sizes:
            raise InputError(f"rows, cols and data for {what}", f"{sorted(entry)}", "write the file again")
        values = np.array([to_float(v, what) for v in data])
        shape = [int(to_float(v, what)) for v in sizes]
        if values.size != int(np.prod(shape)):
            raise InputError(
                f"{int(np.prod(shape))} numbers for {what}", f"{values.size}", "write the file again"
            )
        return values.reshape(shape)
    if isinstance(entry, list):
        rows = [
            matrix(row, what) if isinstance(row, list) else np.array(to_float(row, what)) for row in entry
        ]
        if len({row.shape for row in rows}) > 1:
            raise InputError(f"rows of equal length for {what}", f"{entry!r}", "correct the calibration file")
        return np.array(rows)
    raise InputError(f"a matrix for {what}", f"{entry!r}", "correct the calibration file")


def shaped(entry, shape: tuple[int, ...], what: str) -> Float[np.ndarray, ...]:
    """`matrix` with exactly the numbers of `shape`; InputError otherwise."""
    values = matrix(entry, what)
    if values.size != int(np.prod(shape)):
        raise InputError(f"{what} of shape {shape}", f"shape {values.shape}", "correct the calibration file")
    return values.reshape(shape)


def rotation(entry, what: str) -> Float[np.ndarray, "3 3"]:
    """A rotation from a 3x3 matrix or a Rodrigues vector."""
    from diffproxy.cameras.formats._numbers import checked_rotation

    values = matrix(entry, what)
    if values.size == 3:
        import cv2

        if not np.isfinite(values).all():
            raise InputError(f"finite numbers in {what}", f"{values.tolist()}", "calibrate this camera again")
        return cv2.Rodrigues(values.reshape(3, 1).astype(np.float64))[0]
    if values.size != 9:
        raise InputError(f"{what}: 3x3 or 3 numbers", f"shape {values.shape}", "correct the calibration file")
    return checked_rotation(values, what)


def size_or_guess(
    size: tuple[int, int] | None, root: Path, name: str, K: Float[np.ndarray, "3 3"], notes: list[str]
) -> tuple[int, int]:
    """Image (width, height): as written, else of the camera's images, else twice the principal point; noted."""
    from diffproxy.cameras.find_sources import source_image_size

    if size is not None:
        return size
    for folder in (root, root.parent):
        found = source_image_size(folder, name)
        if found is not None:
            return found
    guess = (max(1, round(2 * K[0, 2])), max(1, round(2 * K[1, 2])))
    notes.append(f"camera {name}: no image size in the file, no images; taken as {guess[0]}x{guess[1]}")
    return guess
