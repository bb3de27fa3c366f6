"""Pixels of a crop that show somebody else: those much nearer to another person's skeleton than to one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.geometry.boxes import Box
from diffproxy.keypoints.layouts import COCO17
from diffproxy.proxies import ProxyMaps

_I = {name: i for i, name in enumerate(COCO17)}
_SIDED = (
    ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("shoulder", "hip"),
    ("ear", "shoulder"),
)  # fmt: skip
_ACROSS = (("shoulder", "shoulder"), ("hip", "hip"), ("ear", "ear"), ("shoulder", "hip"), ("hip", "shoulder"))
LIMBS = np.array(
    [(_I[f"{s}_{a}"], _I[f"{s}_{b}"]) for s in ("left", "right") for a, b in _SIDED]
    + [(_I[f"left_{a}"], _I[f"right_{b}"]) for a, b in _ACROSS]
)
MIN_CONFIDENCE = 0.25
REACH = 0.10  # of a person's size in the image: how far its pixels are from its skeleton, at most
NEARER = 0.6  # of the distance to one's own skeleton: closer calls are left to the fit


@dataclass(frozen=True)
class Claims:
    """Skeletons in one image, (17, 3) pixels and confidence: one's own, None if unknown, and those of the others."""

    own: Float[np.ndarray, "17 3"] | None
    others: tuple[Float[np.ndarray, "17 3"], ...]


def others_pixels(claims: Claims, box: Box, side: int) -> Bool[np.ndarray, "side side"]:
    """The pixels that others have the better claim to, in a square map of the image's `box`."""
    out = np.zeros((side, side), dtype=bool)
    if claims.own is None:
        return out
    x0, y0, x1, y1 = box
    centers = (np.arange(side) + 0.5) / side
    grid = np.stack(np.meshgrid(x0 + centers * (x1 - x0), y0 + centers * (y1 - y0)), -1).reshape(-1, 2)
    own = _distance(claims.own, grid)
    for other in claims.others:
        theirs = _distance(other, grid)
        out |= ((theirs < REACH) & (theirs < NEARER * own)).reshape(side, side)
    return out


def without_others(maps: ProxyMaps, claims: Sequence[Claims | None], boxes: Sequence[Box]) -> ProxyMaps:
    """The maps with others' pixels as background of which nothing is known; None: no claims for that map."""
    side = maps.labels.shape[1]
    nobody = np.zeros((side, side), dtype=bool)
    taken = np.stack(
        [nobody if c is None else others_pixels(c, box, side) for c, box in zip(claims, boxes, strict=True)]
    )
    if not taken.any():
        return maps
    return without_pixels(maps, taken)


def without_pixels(maps: ProxyMaps, taken: Bool[np.ndarray, "V H W"]) -> ProxyMaps:
    """The maps with these pixels as background of which nothing is known."""
    valid = np.ones_like(taken) if maps.valid is None else maps.valid
    return replace(
        maps,
        labels=np.where(taken, np.uint8(0), maps.labels),
        weight=np.where(taken, np.float32(0), maps.weight),
        valid=valid & ~taken,
    )


def _distance(
    skeleton: Float[np.ndarray, "17 3"], points: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, " N"]:
    """Distance of pixels from the nearest limb, over the size of the person in the image; infinite without limbs."""
    good = (skeleton[:, 2] >= MIN_CONFIDENCE) & np.isfinite(skeleton[:, :2]).all(-1)
    limbs = LIMBS[good[LIMBS].all(-1)]
    if not len(limbs):
        return np.full(len(points), np.inf)
    size = max(float(np.ptp(skeleton[good, :2], axis=0).max()), 1.0)
    start, along = skeleton[limbs[:, 0], :2], skeleton[limbs[:, 1], :2] - skeleton[limbs[:, 0], :2]
    nearest = np.full(len(points), np.inf)
    for a, d in zip(start, along, strict=True):
        away = points - a
        share = np.clip(away @ d / max(float(d @ d), 1e-9), 0.0, 1.0)
        nearest = np.minimum(nearest, np.linalg.norm(away - share[:, None] * d, axis=-1))
    return nearest / size
