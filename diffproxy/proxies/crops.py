"""Boxes in a view: around a mask, around labelled hands, and randomly shifted ones for training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from diffproxy.geometry.boxes import Box, expand_to_square, tight_box
from diffproxy.proxies.interfaces import AtlasLike
from diffproxy.proxies.maps import ProxyMaps
from diffproxy.utils.errors import InputError

HAND_JOINTS = {"left_hand": 20, "right_hand": 21}  # SMPL-X wrists


def box_around(mask: Bool[np.ndarray, "H W"], scale: float = 1.0, min_pixels: int = 1) -> Box | None:
    """A square around the true pixels. It may reach beyond the image, as `Camera.crop` allows.

    Args:
        mask: (H, W) bool.
        scale: Side of the square over the longer side of the pixels' box.
        min_pixels: Minimum number of true pixels.

    Returns:
        (x0, y0, x1, y1) pixels; None below `min_pixels`.
    """
    box = tight_box(mask) if int(mask.sum()) >= min_pixels else None
    return None if box is None else expand_to_square(box, scale)


def hand_boxes(
    maps: ProxyMaps, atlas: AtlasLike, scale: float = 1.0, min_pixels: int = 3, keep: float = 0.25
) -> dict[tuple[int, str], Box | None]:
    """Square boxes of both hands in each body view, from body labels of the wrists' segments.

    Args:
        maps: Proxies.
        atlas: The atlas of the body.
        scale: Side of the square over the longer side of the pixels' box.
        min_pixels: Minimum number of pixels of a hand.
        keep: Connected components smaller than this share of the largest are ignored: stray pixels would enlarge
            the box.

    Returns:
        (view, side) -> box in pixels of the map; None where the hand is not visible. Pixels of weight 0 do not count.
    """
    ids = hand_label_ids(atlas)
    boxes: dict[tuple[int, str], Box | None] = {}
    for v, view_kind in enumerate(maps.kind):
        if view_kind != "body":
            continue
        for hand, labels in ids.items():
            mask = np.isin(maps.labels[v], labels) & (maps.weight[v] > 0)
            boxes[v, hand] = box_around(large_pieces(mask, keep), scale, min_pixels) if mask.any() else None
    return boxes


def hand_label_ids(atlas: AtlasLike) -> dict[str, list[int]]:
    """Body-palette labels of each hand, by the joint that moves the part."""
    segments = atlas.segment_of_label
    body_ids = [int(i) for i in atlas.palette.body_ids]
    return {hand: [i for i in body_ids if int(segments[i]) == joint] for hand, joint in HAND_JOINTS.items()}


def missing_hands(boxes: dict[tuple[int, str], Box | None], names: Sequence[str]) -> list[str]:
    """A sentence for each hand that some or all views (camera `names`) do not show."""
    notes = []
    for hand in HAND_JOINTS:
        unseen = [names[v] for (v, h), box in sorted(boxes.items()) if h == hand and box is None]
        total = sum(h == hand for _, h in boxes)
        if unseen and len(unseen) == total:
            notes.append(f"{hand.replace('_', ' ')}: seen in no view; its pose is left to the prior")
        elif unseen:
            notes.append(f"{hand.replace('_', ' ')}: not seen by {', '.join(unseen)}")
    return notes


def large_pieces(mask: Bool[np.ndarray, "H W"], keep: float = 0.25) -> Bool[np.ndarray, "H W"]:
    """The 8-connected components with at least `keep` times the pixels of the largest."""
    import cv2

    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return mask
    return np.isin(pieces, 1 + np.flatnonzero(areas >= keep * areas.max()))


def jitter_box(box: Box, rng: np.random.Generator, shift: float = 0.1, zoom: float = 0.2) -> Box:
    """The square box shifted by up to `shift` sides and scaled by a factor in [1/(1 + zoom), 1 + zoom]."""
    if shift < 0 or zoom < 0:
        raise InputError(
            "shift and zoom of at least 0", f"{shift}, {zoom}", "use 0 to leave the box as it is"
        )
    side = max(box[2] - box[0], box[3] - box[1])
    dx, dy = rng.uniform(-shift, shift, size=2) * side
    half = side / 2 * np.exp(rng.uniform(-1, 1) * np.log1p(zoom))
    cx, cy = (box[0] + box[2]) / 2 + dx, (box[1] + box[3]) / 2 + dy
    return (float(cx - half), float(cy - half), float(cx + half), float(cy + half))
