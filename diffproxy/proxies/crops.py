"""Boxes in a view: around a mask, and around labelled hands."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from diffproxy.geometry.boxes import Box, expand_to_square, tight_box
from diffproxy.proxies.interfaces import AtlasLike
from diffproxy.proxies.maps import ProxyMaps
from diffproxy.utils.checked import checked
from diffproxy.utils.options import within

MIN_HAND_PIXELS = 3
HAND_JOINTS = {"left_hand": 20, "right_hand": 21}  # SMPL-X wrists


@checked
def box_around(mask: Bool[np.ndarray, "H W"], scale: float = 1.0, min_pixels: int = 1) -> Box | None:
    """A square around the true pixels. It may reach beyond the image, as `Camera.crop` allows.

    Args:
        mask: (H, W) bool.
        scale: Side of the square over the longer side of the pixels' box.
        min_pixels: Minimum number of true pixels.

    Returns:
        (x0, y0, x1, y1) pixels; None below `min_pixels`.
    """
    within("scale", scale, 1e-6, 1e6)
    box = tight_box(mask) if int(mask.sum()) >= min_pixels else None
    return None if box is None else expand_to_square(box, scale)


@checked
def hand_boxes(maps: ProxyMaps, atlas: AtlasLike) -> dict[tuple[int, str], Box | None]:
    """Square boxes of both hands in each body view, from body labels of the wrists' segments.

    Args:
        maps: Proxies.
        atlas: The atlas of the body.

    Returns:
        (view, side) -> box in pixels of the map; None where the hand is not visible. Pixels of weight 0 and stray ones
        do not count.
    """
    ids = hand_label_ids(atlas)
    boxes: dict[tuple[int, str], Box | None] = {}
    for v, view_kind in enumerate(maps.kind):
        if view_kind != "body":
            continue
        for hand, labels in ids.items():
            mask = np.isin(maps.labels[v], labels) & (maps.weight[v] > 0)
            boxes[v, hand] = (
                box_around(large_pieces(mask), min_pixels=MIN_HAND_PIXELS) if mask.any() else None
            )
    return boxes


def hand_label_ids(atlas: AtlasLike) -> dict[str, list[int]]:
    """Body-palette labels of each hand, by the joint that moves the part."""
    segments = atlas.segment_of_label
    body_ids = [int(i) for i in atlas.palette.body_ids]
    return {hand: [i for i in body_ids if int(segments[i]) == joint] for hand, joint in HAND_JOINTS.items()}


def large_pieces(mask: Bool[np.ndarray, "H W"], keep: float = 0.25) -> Bool[np.ndarray, "H W"]:
    """The 8-connected components with at least `keep` times the pixels of the largest."""
    import cv2

    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return mask
    return np.isin(pieces, 1 + np.flatnonzero(areas >= keep * areas.max()))
