"""Maps of one view as PNG: 16-bit RGB (label, u, v), grey weight (8 bit), standard deviation (16 bit), valid (8 bit).

A damaged file is an InputError, never half an image.
"""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.utils.bounded_images import check_image_size
from diffproxy.utils.errors import InputError

UV_LEVELS = 65535
WEIGHT_LEVELS = 255
STD_LEVELS = 10000
"""Of a metre: standard deviations are kept to 0.05 mm, up to 6.5 m."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 3]


def encode_proxy_png(labels: UInt8[np.ndarray, "H W"], uv: Float[np.ndarray, "H W 2"]) -> bytes:
    """Red = label, green = round(65535 u), blue = round(65535 v); all 0 on the background."""
    rgb = np.zeros((*labels.shape, 3), dtype=np.uint16)
    rgb[..., 0] = labels
    rgb[..., 1:] = np.round(np.clip(uv, 0, 1) * UV_LEVELS) * (labels > 0)[..., None]
    return encode_png(rgb[..., ::-1])  # OpenCV takes BGR


def decode_proxy_png(data: bytes, name: str) -> tuple[UInt8[np.ndarray, "H W"], Float[np.ndarray, "H W 2"]]:
    """Inverse of `encode_proxy_png`, uv to 1/131070; InputError naming the file (`name`) if it is no such PNG."""
    rgb = decode_png(data, name, np.uint16, channels=3)[..., ::-1]
    if rgb[..., 0].max(initial=0) > 255:
        raise InputError(
            f"labels up to 255 in the red channel of {name}",
            f"{rgb[..., 0].max()}",
            "store (red, green, blue) = (label, u, v); OpenCV writes blue, green, red",
        )
    return rgb[..., 0].astype(np.uint8), rgb[..., 1:].astype(np.float32) / np.float32(UV_LEVELS)


def encode_weight_png(weight: Float[np.ndarray, "H W"]) -> bytes:
    """8-bit grey: round(255 weight)."""
    return encode_png(np.round(np.clip(weight, 0, 1) * WEIGHT_LEVELS).astype(np.uint8))


def decode_weight_png(data: bytes, name: str) -> Float[np.ndarray, "H W"]:
    """Inverse of `encode_weight_png`, to 1/510."""
    return decode_png(data, name, np.uint8, channels=1).astype(np.float32) / np.float32(WEIGHT_LEVELS)


def encode_std_png(std: Float[np.ndarray, "H W"]) -> bytes:
    """16-bit grey: round(10000 std), std in metres."""
    return encode_png(np.round(np.clip(std * STD_LEVELS, 0, 65535)).astype(np.uint16))


def decode_std_png(data: bytes, name: str) -> Float[np.ndarray, "H W"]:
    """Inverse of `encode_std_png`, to 0.05 mm."""
    return decode_png(data, name, np.uint16, channels=1).astype(np.float32) / np.float32(STD_LEVELS)


def check_png(data: bytes, name: str) -> None:
    """Check the chunks and checksums of a PNG: decoders return half an image for half a file, without error."""
    if data[:8] != _SIGNATURE:
        raise InputError(
            f"a PNG file in {name}", f"{len(data)} bytes that start with {data[:8]!r}", "write it again"
        )
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(data[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise InputError(
                f"an intact PNG in {name}", f"a wrong checksum at byte {at}", "write or copy it again"
            )
        if data[at + 4 : at + 8] == b"IEND":
            return
        at = end + 4
    raise InputError(
        f"a complete PNG in {name}", f"a file that ends after {len(data)} bytes", "write or copy it again"
    )


def encode_png(image: np.ndarray) -> bytes:
    """An 8- or 16-bit image, grey (H, W) or in OpenCV's channel order (H, W, 3: blue, green, red)."""
    return cv2.imencode(".png", image, _FAST)[1].tobytes()


def decode_png(data: bytes, name: str, dtype: type, channels: int) -> np.ndarray:
    """Inverse of `encode_png`; InputError naming the file unless it is an intact PNG of that depth and channels."""
    check_png(data, name)
    if data[12:16] == b"IHDR":
        width, height = struct.unpack_from(">II", data, 16)
        check_image_size(width, height, f"an image in {name}")
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    found = 0 if image is None else (1 if image.ndim == 2 else image.shape[2])
    if image is None or image.dtype != dtype or found != channels:
        what = "undecodable data" if image is None else f"{8 * image.dtype.itemsize}-bit, {found} channel(s)"
        bits = 8 * np.dtype(dtype).itemsize
        raise InputError(
            f"a {bits}-bit PNG with {channels} channel(s) in {name}", what, "see docs/proxy_format.md"
        )
    return image
