"""Optional pictures of a shard's views: depth, normals of the body, visibility. Format: docs/render_synth.md."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8, UInt16

from diffproxy.proxies.png import decode_png, encode_png
from diffproxy.utils.errors import InputError

EXTRAS = ("depth", "normals", "visibility")
DEPTH_LEVELS = 65535  # of one millimetre
NORMAL_LEVELS = 65535
NO_BODY, VISIBLE, COVERED = 0, 1, 2


def encode_extra(name: str, image: np.ndarray) -> bytes:
    """One of `EXTRAS` as PNG; arrays as `decode_extra` gives them."""
    return _CODECS[_known(name)][0](image)


def decode_extra(name: str, data: bytes, file: str) -> np.ndarray:
    """depth (H, W) float32 metres along the optical axis, 0 where nothing is nearer than 65.535 m; normals (H, W, 3)
    float32 in the camera's frame, 0 off the body; visibility (H, W) uint8, 0 no body, 1 visible, 2 covered."""
    return _CODECS[_known(name)][1](data, file)


def _encode_depth(depth: Float[np.ndarray, "H W"]) -> bytes:
    mm = np.round(np.where(np.isfinite(depth), depth, 0) * 1000.0)
    return encode_png(np.where((mm > 0) & (mm <= DEPTH_LEVELS), mm, 0).astype(np.uint16))


def _decode_depth(data: bytes, file: str) -> Float[np.ndarray, "H W"]:
    mm: UInt16[np.ndarray, "H W"] = decode_png(data, file, np.uint16, channels=1)
    return mm.astype(np.float32) / np.float32(1000)


def _encode_normals(normals: Float[np.ndarray, "H W 3"]) -> bytes:
    on = (normals != 0).any(-1, keepdims=True)
    levels = np.round((np.clip(normals, -1, 1) * 0.5 + 0.5) * NORMAL_LEVELS)
    return encode_png((levels * on).astype(np.uint16)[..., ::-1])  # OpenCV takes BGR


def _decode_normals(data: bytes, file: str) -> Float[np.ndarray, "H W 3"]:
    levels = decode_png(data, file, np.uint16, channels=3)[..., ::-1]
    on = levels.any(-1, keepdims=True)
    return np.where(on, levels.astype(np.float32) * np.float32(2 / NORMAL_LEVELS) - 1, np.float32(0))


def _encode_visibility(values: UInt8[np.ndarray, "H W"]) -> bytes:
    return encode_png(values)


def _decode_visibility(data: bytes, file: str) -> UInt8[np.ndarray, "H W"]:
    return decode_png(data, file, np.uint8, channels=1)


_CODECS = {
    "depth": (_encode_depth, _decode_depth),
    "normals": (_encode_normals, _decode_normals),
    "visibility": (_encode_visibility, _decode_visibility),
}


def _known(name: str) -> str:
    if name not in EXTRAS:
        raise InputError(f"extras among {', '.join(EXTRAS)}", repr(name), "see docs/render_synth.md")
    return name
