"""Images of unknown origin: the size that the header states is checked before a pixel is decoded.

Every function raises InputError and nothing else, whatever the data hold.
"""

from __future__ import annotations

import struct

import numpy as np

from diffproxy.utils.bounded_files import Limits, damaged_file
from diffproxy.utils.errors import InputError

DEPTHS = (10, 12, 14, 16)  # bits of cameras whose images come in 16-bit files
FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # markers of a JPEG that state its size


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


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in the header of a PNG or JPEG, by numbers alone; None for other and damaged data."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    at = 2
    while data[:2] == b"\xff\xd8" and at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in FRAME_HEADERS:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def bits_used(largest: int) -> int:
    """Bits of a camera whose brightest value in 16-bit files is `largest`; 16 where 8 would do."""
    used = largest.bit_length()
    return next(b for b in DEPTHS if used <= b) if used > 8 else 16


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
