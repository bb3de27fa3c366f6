"""Proxies for a calibration: saved ones, or made view by view."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from diffproxy.body import BodyModel
from diffproxy.calibration.options import CalibrationOptions
from diffproxy.cameras import Camera, RigFrames
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)


def load_proxies(
    folder: Path, body: BodyModel, ids: list[int], frames: RigFrames
) -> tuple[list[ProxyMaps], list[int]]:
    """Saved proxies of the wanted frames that have any, with the intrinsics of today's cameras and the same crops."""
    from diffproxy.pipeline.proxy_cache import ProxyStore, in_cameras

    store = ProxyStore(folder, body)
    have = [f for f in ids if f in store.frame_ids]
    if not have:
        raise InputError(
            f"proxies of the frames {ids[:5]}...", f"{store.frame_ids[:5]}...", "choose other frames="
        )
    saved = [store.load(f) for f in have]
    return [(in_cameras(made, frames.cameras) if made.boxes else made).maps for made in saved], have


def generate_proxies(
    options: CalibrationOptions, body: BodyModel, frames: RigFrames, ids: list[int], placed: bool
) -> list[ProxyMaps]:
    """Proxies of every frame, each view by itself: no view must lean on cameras that are not known yet."""
    from diffproxy.calibration.view_proxies import generate_each_view
    from diffproxy.pipeline.generate_proxies import FrameGenerator, GenerateConfig
    from diffproxy.pipeline.given_boxes import BoxFile
    from diffproxy.pipeline.inputs import open_detector, open_generator, pick_device
    from diffproxy.pipeline.model_options import GeneratorOption
    from diffproxy.pipeline.subject_views import SubjectViews
    from diffproxy.utils.timing import Stopwatch

    device = pick_device("auto")
    pipe = open_generator(GeneratorOption(weights=options.generator), device)
    detector = None if options.boxes else open_detector(device)
    given = BoxFile(Path(options.boxes), frames.cameras, frames.frame_ids) if options.boxes else None
    config = GenerateConfig(size=int(pipe.network.config.image_size), hands=False)
    generator = FrameGenerator(pipe, body, config)
    out: list[ProxyMaps] = []
    for frame_id, images in tqdm(frames.iterate(ids), total=len(ids), desc="proxies", unit="frame"):
        if given is not None:
            boxes: list[Any] = list(given.find(frame_id, images, frames.cameras, None).boxes)
        else:
            boxes = _detect(detector, images, frames.cameras, placed)
        subject = SubjectViews.with_box(images, frames.cameras, boxes)
        if len(subject):
            out.append(generate_each_view(generator, subject, Stopwatch()).maps)
        else:
            log.warning("frame %d: nobody is seen", frame_id)
            ids.remove(frame_id)
    if not out:
        raise InputError("a person in the images", "none found", "give boxes=FILE")
    return out


def _detect(detector: Any, images: list[np.ndarray], cameras: tuple[Camera, ...], placed: bool) -> list[Any]:
    """A box in every view: by geometry where the cameras are nearly known, else the surest and largest."""
    from diffproxy.pipeline.person_boxes import Located

    if placed:
        where = Located(detector).find(0, images, cameras, None)
        if where.views >= 2:
            return list(where.boxes)
    return surest_boxes(detector, images)


def surest_boxes(detector: Any, images: Sequence[np.ndarray]) -> list[Any]:
    """In every view the surest and largest person's box, where cameras cannot tell who is the same; None: nobody."""
    boxes = []
    for found in detector.locate(list(images)):
        best = max(found, key=lambda c: float(c.score) * (c.box[3] - c.box[1]), default=None)
        boxes.append(None if best is None else tuple(float(v) for v in best.box))
    return boxes
