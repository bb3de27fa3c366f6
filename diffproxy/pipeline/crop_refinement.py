"""Where to look more closely: boxes of the body and of the hands, from a first fit or from the proxies alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box, BoxLike, as_box, expand_to_square
from diffproxy.geometry.resampling import crop_image
from diffproxy.proxies import ProxyMaps, render_proxies
from diffproxy.proxies.crops import box_around, hand_boxes, large_pieces
from diffproxy.proxies.maps import Kind


@dataclass(frozen=True)
class Crops:
    """Square views for the generator: `images` in [0, 1] RGB, `cameras[v]` the pinhole camera of crop v."""

    images: Float[Tensor, "V 3 S S"]
    cameras: tuple[Camera, ...]
    boxes: tuple[Box, ...]

    def __add__(self, other: Crops) -> Crops:
        images = torch.cat([self.images, other.images])
        return Crops(images, self.cameras + other.cameras, self.boxes + other.boxes)


def whole_image_box(camera: Camera) -> Box:
    """The smallest centred square that holds the whole image."""
    return expand_to_square((0.0, 0.0, camera.width, camera.height))


def crop_views(
    images: Sequence[np.ndarray], cameras: Sequence[Camera], boxes: Sequence[BoxLike], size: int
) -> Crops:
    """One square crop a view; `cameras` are the pinhole cameras of the undistorted `images`."""
    pixels = [crop_image(image, box, size) for image, box in zip(images, boxes, strict=True)]
    tensor = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255.0
    plain = tuple(as_box(box) for box in boxes)
    cropped = tuple(c.crop(box, (size, size)) for c, box in zip(cameras, plain, strict=True))
    return Crops(tensor, cropped, plain)


def valid_pixels(camera: Camera, box: BoxLike, size: int) -> Bool[np.ndarray, "S S"]:
    """Pixels of the crop `box`, resampled to `size` x `size`, whose centres lie in the image of `camera`."""
    x0, y0, x1, y1 = (float(v) for v in box)
    centre = (np.arange(size) + 0.5) / size
    x, y = x0 + centre * (x1 - x0), y0 + centre * (y1 - y0)
    return np.outer((y >= 0) & (y < camera.height), (x >= 0) & (x < camera.width))


def box_in_full_image(box: BoxLike, crop_box: BoxLike, size: int) -> Box:
    """A box in pixels of a crop, carried back to pixels of the full image the crop was cut from."""
    x0, y0, x1, y1 = crop_box
    sx, sy = (x1 - x0) / size, (y1 - y0) / size
    return (x0 + box[0] * sx, y0 + box[1] * sy, x0 + box[2] * sx, y0 + box[3] * sy)


Hand = tuple[int, Kind, Box]  # view, kind, box in the full image

MIN_FOREGROUND = 0.004  # of a crop; less is noise, not a person
PIECE = 0.1  # of the largest connected piece; smaller ones do not widen the crop
MIN_ZOOM = 0.15  # a foreground smaller than this part of the crop's side is a speck, not a person far off
# image sizes beyond each edge; a limb beside the camera would project to tens of thousands of pixels
REACH = 1.0
LABEL_MARGIN = 1.5  # hand crop over the box of the hand's pixels
JOINT_MARGIN = 1.9  # hand crop over the box of its joints, the middle of what the generator is trained with
MIN_HAND_PX = 6.0  # of the source image: an enlarged crop of fewer pixels shows nothing
LOOK_PX = 192  # grid on which it is decided which hands the body itself hides
ARM_SEGMENTS = (18, 19, 20, 21)  # forearms and hands, by the joints that move them
ARM_PIXELS = 3  # of a view's map: fewer are specks
HANDS: dict[Kind, list[int]] = {
    "left_hand": [20, *range(25, 40)],
    "right_hand": [21, *range(40, 55)],
}  # wrist and fingers


def boxes_by_pixels(maps: ProxyMaps, boxes: Sequence[Box]) -> list[Box | None]:
    """The box around the large pieces of each view's foreground, None where it shows next to nothing.

    `boxes` are the crops that the maps show, in pixels of the full images, as is the answer.
    """
    out: list[Box | None] = []
    for labels, box in zip(maps.labels, boxes, strict=True):
        mask = large_pieces(labels > 0, PIECE)
        found = box_around(mask, min_pixels=int(MIN_FOREGROUND * mask.size))
        if found is None or found[2] - found[0] <= MIN_ZOOM * labels.shape[0]:
            out.append(None)
        else:
            out.append(box_in_full_image(found, box, labels.shape[0]))
    return out


def hands_by_pixels(maps: ProxyMaps, body: BodyModel, boxes: Sequence[Box]) -> list[Hand]:
    """A box around every hand that the labels show."""
    found = []
    for (view, kind), box in sorted(hand_boxes(maps, body.atlas).items()):
        if box is not None:
            square = expand_to_square(box_in_full_image(box, boxes[view], maps.labels.shape[1]), LABEL_MARGIN)
            found.append((view, kind, square))
    return [hand for hand in found if hand[2][2] - hand[2][0] >= MIN_HAND_PX]


def shown_hands(hands: Sequence[Hand], maps: ProxyMaps, body: BodyModel, boxes: Sequence[Box]) -> list[Hand]:
    """The hands that the labels of at least one view show.

    A body fitted to legs alone has hands too, somewhere, and a generator that is told to expect a hand finds one in
    any picture. So some view must show pixels of a hand or forearm inside the crop of this hand. Then the crops of the
    other views are kept as well, though the hand is too small in them or misread.

    Args:
        hands: Crops around the hands of a fitted body.
        maps: Proxies of the body views.
        body: The model that the labels belong to.
        boxes: The crops that the maps show, in pixels of the full images.
    """
    segments, ids = np.asarray(body.atlas.segment_of_label), np.asarray(body.atlas.palette.body_ids)
    arm = ids[np.isin(segments[ids], ARM_SEGMENTS)]
    shown = set()
    for view, kind, (x0, y0, x1, y1) in hands:
        labels, size = maps.labels[view], maps.labels.shape[1]
        left, top, right, _ = boxes[view]
        scale = size / (right - left)
        limits = np.array([[x0 - left, y0 - top], [x1 - left, y1 - top]]) * scale
        (c0, r0), (c1, r1) = np.clip([np.floor(limits[0]), np.ceil(limits[1])], 0, size).astype(int)
        inside = np.isin(labels[r0:r1, c0:c1], arm) & (maps.weight[view, r0:r1, c0:c1] > 0)
        if inside.sum() >= ARM_PIXELS:
            shown.add(kind)
    return [hand for hand in hands if hand[1] in shown]


def boxes_by_body(
    body: BodyModel, params: BodyParams, cameras: Sequence[Camera]
) -> tuple[list[Box | None], list[Hand]]:
    """Boxes around a fitted body, and around those of its hands that it does not hide itself.

    Geometry makes the views agree where labels alone would mistake a lamp for a hand. A view that the body is
    behind of, or whose image it misses, gets None and no hands.
    """
    with torch.no_grad():
        posed = body(params)
    vertices, joints = (x[0].double().cpu().numpy() for x in (posed.vertices, posed.joints))
    boxes: list[Box | None] = []
    hands: list[Hand] = []
    for v, camera in enumerate(cameras):
        pixels = camera.project(vertices)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        if not np.isfinite(pixels).all() or (high < 0).any() or (low > (camera.width, camera.height)).any():
            boxes.append(None)
            continue
        size = np.array([camera.width, camera.height])
        low, high = np.maximum(low, -REACH * size), np.minimum(high, (1 + REACH) * size)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        boxes.append(box)
        hands += [(v, kind, hand) for kind, hand in _visible_hands(body, vertices, joints, camera, box)]
    return boxes, hands


def _visible_hands(
    body: BodyModel, vertices: np.ndarray, joints: np.ndarray, camera: Camera, box: Box
) -> list[tuple[Kind, Box]]:
    look = camera.crop(expand_to_square(box, 1.05), (LOOK_PX, LOOK_PX))
    shown = hand_boxes(render_proxies(body, vertices, [look]), body.atlas)
    out = []
    for kind, rows in HANDS.items():
        pixels = camera.project(joints[rows])
        square = expand_to_square((*pixels.min(axis=0), *pixels.max(axis=0)), JOINT_MARGIN)
        x, y = pixels.mean(axis=0)
        inside = 0 <= x < camera.width and 0 <= y < camera.height
        if shown[0, kind] is not None and inside and square[2] - square[0] >= MIN_HAND_PX:
            out.append((kind, square))
    return out
