"""Proxies as images: labels in palette colours, UV and weight as colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.proxies import ProxyMaps
from diffproxy.proxies.interfaces import PaletteLike, as_numpy
from diffproxy.utils.checked import checked
from diffproxy.utils.options import within
from diffproxy.visualization.sheet import contact_sheet


@checked
def draw_labels(
    labels: UInt8[np.ndarray, "H W"],
    palette: PaletteLike,
    image: UInt8[np.ndarray, "H W 3"] | None = None,
    alpha: float = 0.65,
) -> UInt8[np.ndarray, "H W 3"]:
    """Palette colours on black, or blended over an RGB image of the same size."""
    within("labels", int(labels.max(initial=0)), 0, len(as_numpy(palette.colors)) - 1)
    colors = np.round(255 * as_numpy(palette.colors)).astype(np.uint8)[labels]
    if image is None:
        return colors
    mixed = np.round((1 - alpha) * image + alpha * colors).astype(np.uint8)
    return np.where((labels > 0)[..., None], mixed, image)


@checked
def draw_uv(
    labels: UInt8[np.ndarray, "H W"], uv: Float[np.ndarray, "H W 2"], checker: int = 0
) -> UInt8[np.ndarray, "H W 3"]:
    """UV as the generator draws it: (u, v, 1) as RGB on black.

    Args:
        labels: (H, W) labels.
        uv: (H, W, 2) in [0, 1].
        checker: If above 0, every second field of a checker x checker grid of each chart is darkened.

    Returns:
        (H, W, 3) RGB.
    """
    rgb = np.concatenate([uv, np.ones_like(uv[..., :1])], axis=-1)
    if checker:
        fields = np.floor(uv * checker).astype(int).sum(axis=-1) % 2
        rgb = rgb * np.where(fields, 0.55, 1.0)[..., None]
    return np.round(255 * rgb.clip(0, 1) * (labels > 0)[..., None]).astype(np.uint8)


@checked
def draw_weight(weight: Float[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """Weight as a heat map (H, W, 3): black at 0, red, orange, pale yellow at 1."""
    w = weight.clip(0, 1)[..., None]
    return np.round(255 * np.concatenate([w**0.5, w, w**3], axis=-1)).astype(np.uint8)


@checked
def proxy_sheet(
    maps: ProxyMaps,
    palette: PaletteLike,
    images: UInt8[np.ndarray, "V H W 3"] | None = None,
    max_side: int = 256,
) -> UInt8[np.ndarray, "Hs Ws 3"]:
    """One column a view: the image (if given), labels, UV, weight, with camera and kind as captions."""
    tiles, captions = [], []
    names = [f"{c.name} {k.replace('_', ' ')}" for c, k in zip(maps.cameras, maps.kind, strict=True)]
    rows: list[tuple[list[str], Sequence[np.ndarray]]] = [(names, list(images))] if images is not None else []
    rows += [
        (names if not rows else ["labels"] * len(names), [draw_labels(m, palette) for m in maps.labels]),
        (["uv"] * len(names), [draw_uv(m, c) for m, c in zip(maps.labels, maps.uv, strict=True)]),
        (["weight"] * len(names), [draw_weight(w) for w in maps.weight]),
    ]
    for texts, row_tiles in rows:
        captions += texts
        tiles += list(row_tiles)
    return contact_sheet(tiles, captions, columns=maps.num_views, max_side=max_side)
