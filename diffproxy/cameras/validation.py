"""Checks of camera parameters, with errors that name the camera."""

from __future__ import annotations

import re
import reprlib

import numpy as np

from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.errors import InputError

LONGEST_NAME = 200  # bytes; file systems allow 255, endings included
LARGEST = 1e12
"""Of K and t: beyond it squares and inverses lose all digits."""


def array_of(value, shape: tuple[int, ...] | None, what: str) -> np.ndarray:
    """`value` as float64 array of `shape` (flat, of any length, if None); InputError naming `what` otherwise."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        found = reprlib.repr(value)
        raise InputError(f"numbers for {what}", found, "correct the calibration file") from error
    if shape is not None and array.shape != shape and array.squeeze().shape == shape:
        array = array.squeeze()  # a translation of 3 x 1
    if shape is not None and array.shape != shape:
        raise InputError(f"{what} of shape {shape}", f"shape {array.shape}", "correct the calibration file")
    return array.reshape(-1) if shape is None else array


def whole_number(value, what: str) -> int:
    """`value` as a whole number of pixels; InputError naming `what` otherwise."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and 1 <= value <= Limits.IMAGE_SIDE and value == int(value)):
        expected = f"a whole number of pixels from 1 to {Limits.IMAGE_SIDE} for {what}"
        raise InputError(expected, reprlib.repr(value), "correct rig.json")
    return int(value)


def check_name(name: str) -> None:
    """InputError for a name that is no name of a file or folder: results of a camera are written under it."""
    is_name = isinstance(name, str) and name not in (".", "..") and not re.search(r"[/\\\x00-\x1f]", name)
    if not (is_name and 1 <= len(name.encode(errors="surrogatepass")) <= LONGEST_NAME):
        expected = f"a camera name of 1 to {LONGEST_NAME} bytes that is no path"
        raise InputError(expected, reprlib.repr(name), "rename the camera, for example cam01")


def check_camera(name: str, size: tuple[int, int], K: np.ndarray, R: np.ndarray, t: np.ndarray) -> None:
    """InputError for a name that is none, numbers that are not finite, a size or focal length not above 0, or R not a
    rotation."""
    check_name(name)
    for key, value in (("K", K), ("R_cam_world", R), ("t_cam_world", t)):
        if not np.isfinite(value).all():
            raise InputError(
                f"finite numbers for {key} of camera {name}",
                f"{value.tolist()}",
                "calibrate this camera again, or remove it from the rig",
            )
        if np.abs(value).max(initial=0) > LARGEST:
            raise InputError(
                f"numbers up to {LARGEST:g} for {key} of camera {name}",
                f"{value.tolist()}",
                "calibrate this camera again, or remove it from the rig",
            )
    if not (min(size) >= 1 and max(size) <= Limits.IMAGE_SIDE):
        raise InputError(
            f"a positive image size of at most {Limits.IMAGE_SIDE} pixels for camera {name}",
            f"{size[0]}x{size[1]}",
            "set width, height",
        )
    if not (K[0, 0] > 0 and K[1, 1] > 0) or not np.allclose(K[2], (0, 0, 1)) or K[1, 0] != 0:
        raise InputError(
            f"K of camera {name} = [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] in pixels, fx and fy positive",
            f"{K.tolist()}",
            "check row order and sign: OpenCV axes are x right, y down, z forward",
        )
    gap = np.abs(R @ R.T - np.eye(3)).max()
    if gap > 1e-4 or np.linalg.det(R) < 0:
        kind = f"not orthonormal (off by {gap:.2g})" if gap > 1e-4 else "a mirror (determinant -1)"
        raise InputError(
            f"R_cam_world of camera {name} to be a rotation (orthonormal, determinant +1)",
            f"a matrix that is {kind}",
            "check row/column order, sign of one axis, or whether a rotation vector was meant",
        )
