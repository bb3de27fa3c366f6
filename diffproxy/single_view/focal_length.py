"""What is known of a picture's focal length before anybody in it is looked at: given, from EXIF, or usual lenses."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffproxy.utils.bounded_files import Limits, read_bytes
from diffproxy.utils.errors import InputError

USUAL_FOCAL_35MM = 28.0
"""Focal length in 35 mm equivalent assumed where none is known: main lenses of phones have 24 to 28, webcams 26 to 31,
action cameras 15 to 24, cameras with a standard zoom 24 to 70."""
USUAL_LOG_STD = 0.35
"""Standard deviation of the log of the focal length around it: two of three lenses between 20 and 40 mm."""
EXIF_LOG_STD = 0.03
"""Standard deviation of the log of a focal length from EXIF, which is rounded, and of the picture before it was cut."""
LENSES = (0.2, 100.0)
"""Focal lengths over longer side that pictures may have: fields of view of 136 to 0.6 degrees."""
DIAGONAL_35MM = float(np.hypot(36.0, 24.0))
EXIF_IFD, FOCAL_LENGTH_IN_35MM = 0x8769, 0xA405


@dataclass(frozen=True)
class FocalPrior:
    """Belief about the focal length of a picture.

    Attributes:
        focal: Focal length, pixels of the picture.
        log_std: Standard deviation of its natural logarithm; 0: it is known, and stays as it is.
        source: `given`, `exif`, `usual lenses`, or `earlier frames` of the same video.
        fixed: It stays as it is, and is not estimated from this picture; `log_std` still counts for the depths.
    """

    focal: float
    log_std: float
    source: str
    fixed: bool = False

    @classmethod
    def given(cls, focal: float, width: int, height: int) -> FocalPrior:
        """A known one of a picture of this size.

        Raises:
            InputError: one that no lens has, such as millimetres for pixels.
        """
        side = max(width, height)
        low, high = LENSES[0] * side, LENSES[1] * side
        if not low <= focal <= high:
            raise InputError(
                f"focal in pixels, {low:.0f} to {high:.0f} for {width}x{height}, or 0 where it is not known",
                f"focal={focal:g}",
                f"write focal={focal * side / 36:.0f} if it is in millimetres of a 35 mm camera, else leave it out",
            )
        return cls(focal, 0.0, "given", fixed=True)

    def camera_of_network(self, width: int, height: int, scale: float) -> list[float]:
        """What the network of whole pictures is told of a picture of this size that is given to it scaled.

        Focal length and principal point in pixels of its input, and how unsure the focal length is.
        """
        unsure = 0.0 if self.fixed else self.log_std
        return [self.focal * scale, width * scale / 2, height * scale / 2, unsure]


def usual_focal(width: int, height: int) -> float:
    """Focal length in pixels of a 28 mm lens (35 mm equivalent)."""
    return USUAL_FOCAL_35MM / DIAGONAL_35MM * float(np.hypot(width, height))


def focal_prior(width: int, height: int, focal: float = 0.0, path: Path | None = None) -> FocalPrior:
    """The belief with which a picture is fitted.

    Args:
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        focal: Known focal length, pixels of the picture; 0: unknown.
        path: File of the picture, whose EXIF data are read; None: there is none.

    Returns:
        The given focal length, else the one of EXIF, else the usual one with its spread.

    Raises:
        InputError: a focal length that no lens has.
    """
    if focal:
        return FocalPrior.given(focal, width, height)
    if path is not None and (equivalent := exif_focal_35mm(path)) is not None:
        return FocalPrior(equivalent / DIAGONAL_35MM * float(np.hypot(width, height)), EXIF_LOG_STD, "exif")
    return FocalPrior(usual_focal(width, height), USUAL_LOG_STD, "usual lenses")


def exif_focal_35mm(path: Path) -> float | None:
    """Focal length in 35 mm equivalent by the EXIF data of an image file; None where they do not state it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(read_bytes(path, "an image", Limits.IMAGE_FILE_BYTES))) as image,
        ):
            value = image.getexif().get_ifd(EXIF_IFD).get(FOCAL_LENGTH_IN_35MM)
        focal = float(value) if value is not None else 0.0
    except (UnidentifiedImageError, OSError, ValueError, TypeError, SyntaxError):
        return (
            None  # damaged EXIF data say nothing; whether the picture itself can be read is decided elsewhere
        )
    return focal if 5.0 <= focal <= 1200.0 else None
