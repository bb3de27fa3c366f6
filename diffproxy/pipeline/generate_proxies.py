"""Images to proxies for one frame: first pass on the body, then closer crops and hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera
from diffproxy.generator.output import DiffProxyOutput
from diffproxy.generator.test_time_rotation import predict_upright
from diffproxy.geometry.boxes import Box, box_iou, expand_to_square, on_pixel_grid, union_box
from diffproxy.pipeline.crop_refinement import (
    MIN_FOREGROUND,
    Hand,
    boxes_by_body,
    boxes_by_pixels,
    crop_views,
    hands_by_pixels,
    shown_hands,
    valid_pixels,
)
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.proxies import ProxyMaps
from diffproxy.proxies.flip import FlipTable, flip_table
from diffproxy.proxies.maps import Kind
from diffproxy.utils.timing import Stopwatch

SIDES = ("left", "right")
MAX_RECROPS = 2  # from a whole image to a person in it takes two
MIN_HAND = 0.05  # of a hand crop; the generator has never been shown less of a hand
RECROP_IOU = 0.7  # of the crop and the better one; training shakes boxes by about as much

FirstFit = Callable[[ProxyMaps], BodyParams | None]
OwnPixels = Callable[[ProxyMaps, Sequence[str], Sequence[Box]], ProxyMaps]


@dataclass(frozen=True)
class GenerateConfig:
    """How proxies are generated: `size`, the crop's side in pixels; `steps`, None for the weights' own number.

    `tta_flip` averages with the flipped views, `tta_rotation` turns views of bodies that are not upright where the mean
    probability gains more than `rotation_gain`.
    `crop_source="segmentation"` aims hand crops by the labels alone, without `first_fit`.
    """

    size: int
    samples: int = 1
    steps: int | None = None
    hands: bool = True
    crop_source: str = "body"
    refine_crops: bool = True
    tta_flip: bool = False
    tta_rotation: bool = False
    rotation_gain: float = 0.0
    margin: float = 1.2
    seed: int = 0


@dataclass(frozen=True)
class FrameGenerator:
    """What stays the same from frame to frame: the network as a `DiffProxyPipeline`, the body, and the options."""

    pipe: Any
    body: BodyModel
    config: GenerateConfig


@dataclass(frozen=True)
class Generated:
    """Proxies of all crops, body views first; `boxes[v]` is crop v in pixels of its full image."""

    maps: ProxyMaps
    boxes: tuple[Box, ...]
    notes: tuple[str, ...] = ()
    hands: dict[str, list[str]] = field(default_factory=dict)  # side -> cameras that show it
    keypoints: Float[np.ndarray, "V 17 4"] | None = None  # see DiffProxyOutput


def generate_proxies(
    generator: FrameGenerator,
    subject: SubjectViews,
    clock: Stopwatch,
    first_fit: FirstFit | None = None,
    own_pixels: OwnPixels | None = None,
) -> Generated:
    """Run the generator on the subject's boxes, one in each view.

    Pass 1 sees square crops around the boxes, and is repeated where its proxies ask for quite another crop. Pass 2 runs
    all views again together with the enlarged hands. A view whose foreground is negligible keeps weight 0.

    Args:
        generator: The network, the body, and how proxies are generated.
        subject: Images, cameras and boxes of the views that show the subject.
        clock: Adds up the seconds of each stage.
        first_fit: Makes a body of the proxies of pass 1, which says where body and hands really are; without one (None,
            or it finds nobody) the proxies themselves say it.
        own_pixels: Drops what shows somebody else, from the maps, the cameras' names and the crops in their images.
    """
    body, config, cameras = generator.body, generator.config, subject.cameras
    first_fit = None if config.crop_source == "segmentation" else first_fit
    look = _Look(generator, subject, clock, own_pixels, flip_table(body) if config.tta_flip else None)
    views = list(range(len(cameras)))
    kinds: list[Kind] = ["body"] * len(cameras)
    body_boxes = [on_pixel_grid(expand_to_square(b, config.margin)) for b in subject.boxes]
    moved: set[str] = set()
    found: list[Hand] = []
    with generator.pipe.encoding_once():  # pass 2 sees the body crops of pass 1 again
        for turn in range(1 + MAX_RECROPS):
            output = look(views, kinds, body_boxes, "body proxies")
            if not (config.refine_crops or config.hands):
                break
            with clock("aim"):
                wanted, found = _aim(output.proxies, body, cameras, body_boxes, config.margin, first_fit)
            off = [v for v in views if box_iou(body_boxes[v], wanted[v]) < RECROP_IOU]
            if not off or not config.refine_crops or turn == MAX_RECROPS:
                break
            moved |= {cameras[v].name for v in off}
            body_boxes = wanted
        found = found if config.hands else []
        all_boxes = [*body_boxes, *(box for _, _, box in found)]
        if found:
            views, kinds = views + [v for v, _, _ in found], kinds + [kind for _, kind, _ in found]
            output = look(views, kinds, all_boxes, "hand proxies")
    turned = {cameras[v].name for v, quarters in zip(views, output.quarter_turns, strict=True) if quarters}
    done = {"cropped again": moved, "turned to be read": turned}
    notes = tuple(f"{what}: {', '.join(sorted(names))}" for what, names in done.items() if names)
    hands = {side: [cameras[v].name for v, kind, _ in found if kind == f"{side}_hand"] for side in SIDES}
    maps = _without_specks(output.proxies)
    return Generated(maps, tuple(all_boxes), notes, hands if config.hands else {}, output.keypoints)


@dataclass(frozen=True)
class _Look:
    """The generator on crops of the views of one frame.

    `table`: of `flip_table`, None without test-time flip. `upright`: quarter turns in which each view was read before.
    """

    generator: FrameGenerator
    subject: SubjectViews
    clock: Stopwatch
    own_pixels: OwnPixels | None
    table: FlipTable | None
    upright: dict[int, int] = field(default_factory=dict)

    def __call__(
        self, views: Sequence[int], kinds: Sequence[Kind], boxes: Sequence[Box], stage: str
    ) -> DiffProxyOutput:
        """Proxies of the crops `boxes` in the images of `views`, without what shows somebody else."""
        pipe, config = self.generator.pipe, self.generator.config
        cameras = [self.subject.cameras[v] for v in views]
        with self.clock("crop"):
            crops = crop_views([self.subject.images[v] for v in views], cameras, boxes, config.size)
        with self.clock(stage):
            noise = torch.Generator().manual_seed(config.seed)
            call = pipe
            if config.tta_rotation:
                # A better crop may be confident enough to stay as it is, although it is read upside down.
                turns = [self.upright.get(v, 0) for v in views]
                call = partial(predict_upright, pipe, turns=turns, least_gain=config.rotation_gain)
            output = call(
                crops.images,
                list(crops.cameras),
                list(kinds),
                config.steps,
                config.samples,
                noise,
                self.table,
            )
        turned = output.quarter_turns or (0,) * len(views)  # a pipeline of a caller's own need not state them
        self.upright.update(zip(views, turned, strict=True))
        side = output.proxies.labels.shape[1]
        valid = [valid_pixels(camera, box, side) for camera, box in zip(cameras, boxes, strict=True)]
        maps = replace(output.proxies, valid=np.stack(valid))
        if self.own_pixels is not None:
            maps = self.own_pixels(maps, [camera.name for camera in cameras], boxes)
        return replace(output, proxies=maps, quarter_turns=turned)


def _aim(
    maps: ProxyMaps,
    body: BodyModel,
    cameras: Sequence[Camera],
    boxes: list[Box],
    margin: float,
    first_fit: FirstFit | None,
) -> tuple[list[Box], list[Hand]]:
    """Better crops of the body, and the hands in sight.

    A crop holds both the fitted body and the foreground: either may miss a raised arm, and what is cut off is lost.
    """
    shown = boxes_by_pixels(maps, boxes)
    params = first_fit(maps) if first_fit is not None else None
    if params is None:
        around, hands = shown, hands_by_pixels(maps, body, boxes)
    else:
        fitted, hands = boxes_by_body(body, params, cameras)
        hands = shown_hands(hands, maps, body, boxes)
        around = [union_box(a, b) for a, b in zip(shown, fitted, strict=True)]
    better = [
        old if box is None else on_pixel_grid(expand_to_square(box, margin))
        for old, box in zip(boxes, around, strict=True)
    ]
    return better, [(view, kind, on_pixel_grid(square)) for view, kind, square in hands]


def _without_specks(maps: ProxyMaps) -> ProxyMaps:
    """Views that show next to nothing get weight 0: a few stray pixels are no second view, and no hand."""
    least = np.array([MIN_FOREGROUND if kind == "body" else MIN_HAND for kind in maps.kind])
    small = (maps.labels > 0).mean(axis=(1, 2)) < least
    return replace(maps, weight=np.where(small[:, None, None], np.float32(0), maps.weight))
