"""Contact sheets: a grid of images with captions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic
from diffproxy.utils.options import at_least, within

BACKGROUND = 24
BAR = 22  # pixels of a caption's bar


@checked
def contact_sheet(
    tiles: Sequence[UInt8[np.ndarray, "_ _ 3"]],
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    max_side: int = 320,
    gap: int = 4,
) -> UInt8[np.ndarray, "H W 3"]:
    """Arrange images in a grid.

    Args:
        tiles: RGB images; sizes may differ, each is centred in its cell.
        captions: Text above each image.
        columns: Number of columns; by default a nearly square grid.
        max_side: Larger images are reduced to this side, pixels.
        gap: Space between cells, pixels.

    Returns:
        RGB image (H, W, 3).
    """
    if not len(tiles):
        raise InputError("at least one image", "none", "leave the sheet out")
    if captions is not None and len(captions) != len(tiles):
        raise InputError(
            f"{len(tiles)} captions, one per image", f"{len(captions)}", "pass one caption per image"
        )
    at_least("max_side", max_side, 1)
    at_least("gap", gap, 0)
    at_least("columns", 1 if columns is None else columns, 1)
    for tile in tiles:
        at_least("pixels", tile.size, 1)
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    small = [shrink(tile, max_side) for tile in tiles]
    height, width = (max(t.shape[k] for t in small) for k in (0, 1))
    bar = BAR if captions is not None else 0
    rows = math.ceil(len(small) / columns)
    shape = (rows * (height + bar + gap) + gap, columns * (width + gap) + gap, 3)
    sheet = np.full(shape, BACKGROUND, dtype=np.uint8)
    for i, tile in enumerate(small):
        y, x = gap + (i // columns) * (height + bar + gap), gap + (i % columns) * (width + gap)
        if captions is not None:
            sheet[y : y + bar, x : x + width] = caption_bar(captions[i], width)
        top, left = y + bar + (height - tile.shape[0]) // 2, x + (width - tile.shape[1]) // 2
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def caption_bar(text: str, width: int) -> UInt8[np.ndarray, "h w 3"]:
    """White text on a dark bar of `width` pixels, shortened with dots if too long; ASCII only."""
    bar = np.full((BAR, width, 3), BACKGROUND, dtype=np.uint8)
    text = text.encode("ascii", "replace").decode()
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.45
    shown = text
    while shown and cv2.getTextSize(shown, font, scale, 1)[0][0] > width - 4:
        text = text[:-1]
        shown = f"{text}.." if text else ""
    cv2.putText(bar, shown, (2, BAR - 7), font, scale, (235, 235, 235), 1, cv2.LINE_AA)
    return bar


def shrink(image: UInt8[np.ndarray, "_ _ 3"], max_side: int) -> UInt8[np.ndarray, "_ _ 3"]:
    """The image with a longer side of at most `max_side` pixels; merged pixels are averaged."""
    scale = max_side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


@checked
def save_image(path: str | Path, image: UInt8[np.ndarray, "H W 3"], quality: int = 90) -> None:
    """Write an RGB image as PNG or JPEG, by the suffix of `path`; atomic."""
    path = Path(path)
    write_atomic(path, encode_image(image, path.suffix.lower(), quality))


def encode_image(image: UInt8[np.ndarray, "H W 3"], suffix: str, quality: int = 90) -> bytes:
    """An RGB image as bytes of ".png", ".jpg" or ".jpeg"."""
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise InputError("an image ending in .png, .jpg or .jpeg", f"{suffix!r}", "rename it")
    at_least("pixels", image.size, 1)
    within("quality", quality, 1, 100)
    options = [] if suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    # OpenCV swaps the channels far faster than it copies a reversed view
    return cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1].tobytes()
