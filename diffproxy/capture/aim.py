"""Where to look more closely: boxes of the body and of the hands, from a first fit or from the proxies alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.capture.crops import Box, box_in_full_image, square_box
from diffproxy.proxies import ProxyMaps, render_proxies
from diffproxy.proxies.crops import box_around, hand_boxes, large_pieces

Hand = tuple[int, str, Box]  # view, kind, box in the full image

MIN_FOREGROUND = 0.004  # of a crop; less is noise, not a person
PIECE = 0.1  # of the largest connected piece; smaller ones do not widen the crop
MIN_ZOOM = 0.15  # a foreground smaller than this part of the crop's side is a speck, not a person far off
LABEL_MARGIN = 1.5  # hand crop over the box of the hand's pixels
JOINT_MARGIN = 1.9  # hand crop over the box of its joints, the middle of what the generator is trained with
MIN_HAND_PX = 6.0  # of the source image: an enlarged crop of fewer pixels shows nothing
LOOK_PX = 192  # grid on which it is decided which hands the body itself hides
HANDS = {"left_hand": [20, *range(25, 40)], "right_hand": [21, *range(40, 55)]}  # wrist and fingers


def body_boxes_by_pixels(maps: ProxyMaps, boxes: Sequence[Box], margin: float) -> list[Box]:
    """The crops that the foreground asks for; the old one where it shows next to nothing."""
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


def hands_by_pixels(maps: ProxyMaps, body: BodyModel, boxes: Sequence[Box]) -> list[Hand]:
    """A box around every hand that the labels show."""
    found = []
    for (view, kind), box in sorted(hand_boxes(maps, body.atlas).items()):
        if box is not None:
            square = square_box(box_in_full_image(box, boxes[view], maps.labels.shape[1]), LABEL_MARGIN)
            found.append((view, kind, square))
    return [hand for hand in found if hand[2][2] - hand[2][0] >= MIN_HAND_PX]


def boxes_by_body(
    body: BodyModel, params: BodyParams, cameras: Sequence[Camera], old: Sequence[Box], margin: float
) -> tuple[list[Box], list[Hand]]:
    """Crops of the body and of the hands that it does not hide itself, from a fitted body.

    Geometry makes the views agree where labels alone would mistake a lamp for a hand. A view that the body is
    behind of, or whose image it misses, keeps its old crop and gets no hands.
    """
    with torch.no_grad():
        posed = body(params)
    vertices, joints = (x[0].double().cpu().numpy() for x in (posed.vertices, posed.joints))
    boxes: list[Box] = []
    hands: list[Hand] = []
    for v, camera in enumerate(cameras):
        pixels = camera.project(vertices)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        seen = (
            bool(np.isfinite(pixels).all())
            and (high > 0).all()
            and (low < (camera.width, camera.height)).all()
        )
        boxes.append(square_box((*low, *high), margin) if seen else old[v])
        if seen:
            hands += [
                (v, kind, box) for kind, box in _visible_hands(body, vertices, joints, camera, boxes[-1])
            ]
    return boxes, hands


def _visible_hands(
    body: BodyModel, vertices: np.ndarray, joints: np.ndarray, camera: Camera, box: Box
) -> list[tuple[str, Box]]:
    look = camera.crop(box, (LOOK_PX, LOOK_PX))
    shown = hand_boxes(render_proxies(body, vertices, [look]), body.atlas)
    out = []
    for kind, rows in HANDS.items():
        pixels = camera.project(joints[rows])
        square = square_box((*pixels.min(axis=0), *pixels.max(axis=0)), JOINT_MARGIN)
        x, y = pixels.mean(axis=0)
        inside = 0 <= x < camera.width and 0 <= y < camera.height
        if shown[0, kind] is not None and inside and square[2] - square[0] >= MIN_HAND_PX:
            out.append((kind, square))
    return out
