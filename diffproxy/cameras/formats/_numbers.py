"""What several calibration readers share: numbers, rotations, one file in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.geometry.procrustes import special_procrustes
from diffproxy.utils.errors import InputError


def to_float(value, what: str) -> float:
    """A number from text (OpenCV's ".Nan" and ".Inf" included); InputError naming `what` otherwise."""
    try:
        return float(value.strip().lstrip(".") if isinstance(value, str) and "n" in value.lower() else value)
    except (TypeError, ValueError) as error:
        raise InputError(f"a number for {what}", f"{value!r}", "correct the calibration file") from error


def only_file(folder: Path, pattern: str, name: str) -> Path | None:
    """The one file in `folder` matching `pattern`, None without one, InputError with several."""
    paths = sorted(folder.glob(pattern))
    if len(paths) > 1:
        raise InputError(
            f"one {name} file in {folder}",
            ", ".join(p.name for p in paths),
            "name the one to use: calibration=<file>",
        )
    return paths[0] if paths else None


def checked_rotation(R: np.ndarray, what: str) -> np.ndarray:
    """The rotation nearest to `R`, for files printed with few digits; InputError if off by more than 1 %."""
    R = np.asarray(R, dtype=np.float64).reshape(3, 3)
    if not np.isfinite(R).all():
        raise InputError(f"finite numbers in {what}", f"{R.tolist()}", "calibrate this camera again")
    rotation, singular = special_procrustes(R)
    if np.abs(singular - 1).max() > 1e-2:  # a reflection has a negative singular value
        raise InputError(
            f"a rotation matrix in {what} (orthonormal, determinant +1)",
            f"singular values {np.abs(singular).round(4).tolist()}, determinant {np.linalg.det(R):.3g}",
            "check row/column order, sign of one axis, or whether a rotation vector was meant",
        )
    return rotation
