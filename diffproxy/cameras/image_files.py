"""Decoding one image file to 8-bit RGB: files of up to 16 bits, HEIC, EXIF orientation, and messages about damage."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16

from diffproxy.utils.bounded_files import Limits, read_bytes
from diffproxy.utils.bounded_images import bits_used, check_image_size, image_size
from diffproxy.utils.errors import InputError
from diffproxy.utils.extras import require_extra
from diffproxy.utils.image_suffixes import HEIF_SUFFIXES
from diffproxy.utils.jpeg_damage import zeroed_block
from diffproxy.utils.native_messages import native_messages

log = logging.getLogger(__name__)

WHAT = "a readable image"


def read_image(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """Read an image file as RGB, rotated by its EXIF orientation; InputError if it cannot be decoded."""
    return read_checked(path)[0]


def read_checked(path: Path, bits: Callable[[], int] | None = None) -> tuple[UInt8[np.ndarray, "H W 3"], str]:
    """As `read_image`, and what the decoder says about damage: "" for an intact file.

    Args:
        path: The file.
        bits: Called for a 16-bit file: how many of its bits are used. By default the file itself tells.
    """
    data = read_bytes(path, WHAT, Limits.IMAGE_FILE_BYTES)
    if path.suffix.lower() in HEIF_SUFFIXES:
        return _heif(data, path), ""
    image, messages = _decoded(data, path)
    if image.dtype == np.uint16:
        image, saturated = _eight_bits(image, bits() if bits else bit_depth([path]))
        messages += saturated
    if silent := zeroed_block(data):
        messages.append(silent)
    import cv2

    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, image), "; ".join(messages)  # in place


def bit_depth(paths: Sequence[Path]) -> int:
    """Bits that these images use: cameras of 10 or 12 bits often leave the upper bits of 16-bit files empty.

    Args:
        paths: Images of one camera. Files of 8 bits and damaged ones say nothing.

    Returns:
        10, 12, 14 or 16; 16 where the brightest pixel needs no more than 8 bits.
    """
    largest = 0
    for path in paths:
        try:
            image, _ = _decoded(read_bytes(path, WHAT, Limits.IMAGE_FILE_BYTES), path)
        except InputError:
            continue
        if image.dtype == np.uint16:
            largest = max(largest, int(image.max(initial=0)))
    bits = bits_used(largest)
    if bits < 16:
        log.warning(
            "%s: 16-bit files of which %d bits are used; scaled as %d-bit images", paths[0], bits, bits
        )
    return bits


def _decoded(data: bytes, path: Path) -> tuple[np.ndarray, list[str]]:
    """(H, W, 3) BGR of 8 or 16 bits, and the decoder's messages."""
    import cv2

    image_size(data, f"{WHAT} in {path}")
    image = None
    with native_messages() as messages:
        try:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        except cv2.error as error:
            messages.append(str(error))
    if image is None:
        raise InputError(f"{WHAT} in {path}", f"{len(data)} bytes that do not decode", "export it again")
    if image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"an image of 8 or 16 bits in {path}", f"values of type {image.dtype}", "export it as PNG or JPEG"
        )
    return image, messages


def _eight_bits(
    image: UInt16[np.ndarray, "H W 3"], bits: int
) -> tuple[UInt8[np.ndarray, "H W 3"], list[str]]:
    """An image of `bits` bits as 8 bits; brighter pixels are saturated, with a message."""
    largest = (1 << bits) - 1
    brighter = int((image > largest).sum())
    scaled = (np.minimum(image, largest) >> (bits - 8)).astype(np.uint8)
    said = [f"{brighter} values above the {bits} bits of the other images, saturated"] if brighter else []
    return scaled, said


def _heif(data: bytes, path: Path) -> UInt8[np.ndarray, "H W 3"]:
    require_extra("pillow_heif", "heic")
    import pillow_heif

    try:
        heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        check_image_size(heif.size[0], heif.size[1], f"{WHAT} in {path}")
        # Its decoder has turned the image as the file says; EXIF would turn it once more.
        return np.ascontiguousarray(heif.to_pillow().convert("RGB"))
    except InputError:
        raise
    except Exception as error:  # libheif's errors have no common type
        raise InputError(
            f"{WHAT} in {path}", f"{len(data)} bytes that do not decode: {error}", "export it again"
        ) from error
