"""Corruption of exact proxies by the errors of small networks, for tests and benchmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from diffproxy.proxies import ProxyMaps


def smooth_field(rng: np.random.Generator, shape: tuple[int, ...], cells: int) -> Float[np.ndarray, "*S"]:
    """Unit-variance noise (..., H, W) made of bumps, `cells` of them across the image."""
    import cv2

    coarse = rng.normal(size=(int(np.prod(shape[:-2])), cells + 3, cells + 3)).astype(np.float32)
    size = (shape[-1] + 3 * (shape[-1] // cells + 1), shape[-2] + 3 * (shape[-2] // cells + 1))
    fields = np.stack([cv2.resize(c, size, interpolation=cv2.INTER_CUBIC) for c in coarse])
    fields = fields[:, : shape[-2], : shape[-1]].reshape(shape)
    return fields / max(float(fields.std()), 1e-9)


def uv_noise(maps: ProxyMaps, rng: np.random.Generator, smooth: float, rough: float = 0.0) -> ProxyMaps:
    """Wrong coordinates on the right part: a smooth field (about 16 bumps an image) and per-pixel noise, in UV units.

    A part is some 0.2 to 0.5 m long and wide: 0.05 is 1 to 2.5 cm.
    """
    V, H, W, _ = maps.uv.shape
    wave = np.moveaxis(smooth_field(rng, (V, 2, H, W), 16), 1, -1)
    noisy = maps.uv + smooth * wave + rough * rng.normal(size=maps.uv.shape)
    return replace(maps, uv=np.clip(noisy, 0.0, 1.0).astype(np.float32))


def blobs(maps: ProxyMaps, rng: np.random.Generator, share: float, on_background: bool = False) -> ProxyMaps:
    """Patches of random label and UV on `share` of the foreground (or, with `on_background`, grown beside it)."""
    V, H, W = maps.labels.shape
    field = smooth_field(rng, (V, H, W), 24)
    palette = np.unique(maps.labels[maps.labels > 0])
    labels, uv, weight = maps.labels.copy(), maps.uv.copy(), maps.weight.copy()
    wrong = palette[rng.integers(len(palette), size=(V, H // 8 + 1, W // 8 + 1))]
    wrong = wrong.repeat(8, 1).repeat(8, 2)[:, :H, :W]
    for v in range(V):
        place = labels[v] == 0 if on_background else labels[v] > 0
        count = int(share * (labels[v] > 0).sum())
        if not place.any() or count == 0:
            continue
        level = np.sort(field[v][place])[-min(count, int(place.sum()))]
        hit = place & (field[v] >= level)
        labels[v][hit] = wrong[v][hit]
        uv[v][hit] = rng.uniform(size=(int(hit.sum()), 2))
        weight[v][hit] = 1.0
    return replace(maps, labels=labels, uv=uv, weight=weight)


def swap_labels(maps: ProxyMaps, view: int, pairs: list[tuple[int, int]]) -> ProxyMaps:
    """Exchange labels in one view, e.g. left leg ↔ right leg."""
    table = np.arange(256, dtype=np.uint8)
    for a, b in pairs:
        table[a], table[b] = b, a
    labels = maps.labels.copy()
    labels[view] = table[labels[view]]
    return replace(maps, labels=labels)


def drop_labels(maps: ProxyMaps, ids: list[int], views: list[int] | None = None) -> ProxyMaps:
    """Replace parts by background in some or all views."""
    labels = maps.labels.copy()
    for v in range(len(labels)) if views is None else views:
        labels[v][np.isin(labels[v], ids)] = 0
    return replace(maps, labels=labels, weight=np.where(labels > 0, maps.weight, 0).astype(np.float32))


def side_pairs(names: dict[int, str], words: tuple[str, ...] = ("",)) -> list[tuple[int, int]]:
    """Pairs of left and right labels whose names contain one of `words`; sides are the suffixes `_l` and `_r`."""
    by_name = {n: i for i, n in names.items()}
    return [
        (i, by_name[n[:-2] + "_r"])
        for n, i in by_name.items()
        if n.endswith("_l") and n[:-2] + "_r" in by_name and any(w in n for w in words)
    ]
