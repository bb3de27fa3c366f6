"""Images of unknown origin: the size that the header states is checked before a pixel is decoded.

Every function raises InputError and nothing else, whatever the data hold.
"""

from __future__ import annotations

import numpy as np

from diffproxy.utils.bounded_files import Limits, damaged_file
from diffproxy.utils.errors import InputError


def check_image_size(width: int, height: int, where: str) -> None:
    """InputError where an image of this size would not be decoded."""
    largest = f"{Limits.IMAGE_PIXELS // 1_000_000} million pixels and sides of at most {Limits.IMAGE_SIDE}"
    if not (0 < width <= Limits.IMAGE_SIDE and 0 < height <= Limits.IMAGE_SIDE) or (
        width * height > Limits.IMAGE_PIXELS
    ):
        raise InputError(f"{where} of at most {largest}", f"{width}x{height}", "resize it, or check the file")


def image_size(data: bytes, where: str) -> tuple[int, int]:
    """Width and height that the header of an image states, checked; no pixel is decoded."""
    import io
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:
        raise InputError(f"{where} of at most 100 million pixels", str(error), "resize it") from error
    except Exception as error:  # Pillow raises many kinds for damaged headers
        damaged_file(where, error, f"{len(data)} bytes that do not decode")
    check_image_size(width, height, where)
    return width, height


def decode_image(data: bytes, where: str, flags: int) -> np.ndarray:
    """An image decoded by OpenCV (`flags`: its IMREAD_*), its header checked first."""
    import cv2

    image_size(data, where)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        damaged_file(where, error)
    if image is None:
        raise InputError(where, f"{len(data)} bytes that do not decode", "export it again")
    return image
