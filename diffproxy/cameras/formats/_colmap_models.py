"""COLMAP's camera models: number, name, parameters, and what they are as OpenCV lenses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.formats._build import pinhole, refuse_lens
from diffproxy.cameras.lens import Lens
from diffproxy.utils.errors import InputError

MODELS = {  # number in binary files -> name, count of parameters
    0: ("SIMPLE_PINHOLE", 3),
    1: ("PINHOLE", 4),
    2: ("SIMPLE_RADIAL", 4),
    3: ("RADIAL", 5),
    4: ("OPENCV", 8),
    5: ("OPENCV_FISHEYE", 8),
    6: ("FULL_OPENCV", 12),
    7: ("FOV", 5),
    8: ("SIMPLE_RADIAL_FISHEYE", 4),
    9: ("RADIAL_FISHEYE", 5),
    10: ("THIN_PRISM_FISHEYE", 12),
    11: ("RAD_TAN_THIN_PRISM_FISHEYE", 16),
}
COUNTS = dict(MODELS.values())
EXACT = [n for n in COUNTS if n not in ("FOV", "THIN_PRISM_FISHEYE", "RAD_TAN_THIN_PRISM_FISHEYE")]
ONE_FOCAL = ("SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE")


def lens_of(model: str, numbers: Sequence[float], what: str) -> tuple[np.ndarray, np.ndarray, Lens]:
    """(K, distortion, lens) of a COLMAP camera; InputError on models without an exact counterpart."""
    if model not in EXACT:
        raise refuse_lens(f"COLMAP's {model}", what, ", ".join(EXACT))
    if len(numbers) != COUNTS[model]:
        raise InputError(
            f"{COUNTS[model]} parameters of {model} for {what}", f"{len(numbers)}", "export again"
        )
    values = [float(n) for n in numbers]
    if model in ONE_FOCAL:
        values = [values[0], *values]
    K, d = pinhole(*values[:4]), np.array(values[4:])
    return K, d, "fisheye" if model.endswith("FISHEYE") else "opencv"


def model_of(
    K: Float[np.ndarray, "3 3"], distortion: Float[np.ndarray, " D"], lens: Lens
) -> tuple[str, list[float]]:
    """(model, parameters) for a camera of at most eight coefficients without skew."""
    base = [K[0, 0], K[1, 1], K[0, 2], K[1, 2]]
    if lens == "fisheye":
        return "OPENCV_FISHEYE", [*base, *distortion]
    if distortion.size == 0:
        return "PINHOLE", base
    if distortion.size <= 4:
        return "OPENCV", [*base, *distortion]
    return "FULL_OPENCV", [*base, *np.pad(distortion[:8], (0, max(0, 8 - distortion.size)))]
