"""Images to proxies for one frame: first pass on the body, then closer crops and hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.capture.crops import Box, box_in_full_image, box_iou, crop_views, square_box
from diffproxy.capture.timing import Stopwatch
from diffproxy.proxies import ProxyMaps

MIN_FOREGROUND = 0.004  # of a crop; less is noise, not a person
SIDES = ("left", "right")
MAX_RECROPS = 2  # from a whole image to a person in it takes two
RECROP_IOU = 0.6  # of the crop and the one its foreground asks for; training shakes boxes by about as much
PIECE = 0.1  # of the largest connected piece; smaller ones do not widen the crop
MIN_ZOOM = 0.15  # a foreground smaller than this part of the crop's side is a speck, not a person far off
HAND_MARGIN = 1.5
MIN_HAND_PX = 6.0  # of the source image: an enlarged crop of fewer pixels shows nothing


@dataclass(frozen=True)
class GenerateConfig:
    """`size`: crop side in pixels; `steps` None leaves it to the generator."""

    size: int
    samples: int = 1
    steps: int | None = None
    hands: bool = True
    recrop: bool = True
    margin: float = 1.2
    seed: int = 0


@dataclass(frozen=True)
class Generated:
    """Proxies of all crops, body views first; `boxes[v]` is crop v in pixels of its full image."""

    maps: ProxyMaps
    boxes: tuple[Box, ...]
    notes: tuple[str, ...] = ()
    hands: dict[str, list[str]] = field(default_factory=dict)  # side -> cameras that show it


def generate_proxies(
    pipe: Any,
    body: BodyModel,
    images: Sequence[np.ndarray],
    cameras: Sequence[Camera],
    boxes: Sequence[Box],
    config: GenerateConfig,
    clock: Stopwatch,
) -> Generated:
    """Run the generator on the subject's boxes, one in each view.

    Pass 1 sees square crops around the boxes, and is repeated where its foreground asks for quite another crop.
    For the hands that it finds, pass 2 runs all views again together with the enlarged hands. A view whose
    foreground is negligible keeps weight 0.
    """

    def look(views: Sequence[int], kinds: Sequence[str], at: Sequence[Box], stage: str) -> ProxyMaps:
        with clock("crop"):
            crops = crop_views([images[v] for v in views], [cameras[v] for v in views], at, config.size)
        with clock(stage):
            how = {"samples": config.samples, "steps": config.steps, "seed": config.seed}
            return pipe(crops.images, list(crops.cameras), list(kinds), **how)

    views, kinds = list(range(len(cameras))), ["body"] * len(cameras)
    body_boxes = [square_box(b, config.margin) for b in boxes]
    maps = look(views, kinds, body_boxes, "body proxies")
    moved: set[str] = set()
    for _ in range(MAX_RECROPS if config.recrop else 0):
        wanted = _better_boxes(maps, body_boxes, config.margin)
        off = [v for v in views if box_iou(body_boxes[v], wanted[v]) < RECROP_IOU]
        if not off:
            break
        moved |= {cameras[v].name for v in off}
        body_boxes = wanted
        maps = look(views, kinds, body_boxes, "body proxies")
    notes = (f"cropped again: {', '.join(sorted(moved))}",) if moved else ()
    found = _hand_boxes(maps, body, body_boxes) if config.hands else []
    hands = {side: [cameras[v].name for v, kind, _ in found if kind == f"{side}_hand"] for side in SIDES}
    all_boxes = [*body_boxes, *(box for _, _, box in found)]
    if found:
        views, kinds = views + [v for v, _, _ in found], kinds + [kind for _, kind, _ in found]
        maps = look(views, kinds, all_boxes, "hand proxies")
    return Generated(_without_specks(maps), tuple(all_boxes), notes, hands if config.hands else {})


def _better_boxes(maps: ProxyMaps, boxes: Sequence[Box], margin: float) -> list[Box]:
    """The crops that the foreground asks for; the old one where it shows next to nothing."""
    from diffproxy.proxies.crops import box_around, large_pieces

    better = []
    for labels, box in zip(maps.labels, boxes, strict=True):
        mask = large_pieces(labels > 0, PIECE)
        found = box_around(mask, 0.0, min_pixels=int(MIN_FOREGROUND * mask.size))
        if found is None:
            better.append(box)
            continue
        wish = square_box(box_in_full_image(found, box, labels.shape[0]), margin)
        better.append(wish if wish[2] - wish[0] > MIN_ZOOM * (box[2] - box[0]) else box)
    return better


def _hand_boxes(maps: ProxyMaps, body: BodyModel, boxes: Sequence[Box]) -> list[tuple[int, str, Box]]:
    """(view, kind, box in the full image) of every hand that the body proxies show."""
    from diffproxy.proxies import hand_boxes

    found = []
    for (view, kind), box in sorted(hand_boxes(maps, body.atlas).items()):
        if box is None:
            continue
        square = square_box(box_in_full_image(box, boxes[view], maps.labels.shape[1]), HAND_MARGIN)
        if square[2] - square[0] >= MIN_HAND_PX:
            found.append((view, kind, square))
    return found


def _without_specks(maps: ProxyMaps) -> ProxyMaps:
    """Views that show next to nothing get weight 0: a few stray pixels are no second view."""
    small = (maps.labels > 0).mean(axis=(1, 2)) < MIN_FOREGROUND
    return replace(maps, weight=np.where(small[:, None, None], np.float32(0), maps.weight))
