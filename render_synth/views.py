"""The views of a subject: body crops, whole frames and hand crops of a layout's cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.proxies.maps import Kind
from render_synth.cameras import Box, Layout, sample_crop, visible_box
from render_synth.config import RenderConfig
from render_synth.humans.body.bodies import Person

HAND_JOINTS: dict[Kind, list[int]] = {"left_hand": [20, *range(25, 40)], "right_hand": [21, *range(40, 55)]}


@dataclass(frozen=True)
class PlannedView:
    """A view to render: the camera of the crop, its kind, the crop in pixels of `source`, and the uncropped camera."""

    camera: Camera
    kind: Kind | Literal["full"]
    crop: Box
    source: Camera


def plan_views(
    rng: np.random.Generator, config: RenderConfig, layout: Layout, person: Person
) -> list[PlannedView]:
    """Body crops of every camera if they are wanted, whole frames of the first ones, and hand crops."""
    bodies, frames, hands = [], [], []
    for number, camera in enumerate(layout.cameras):
        box = visible_box(camera, person.vertices)
        if box is None:  # not a view of this subject: the sampler keeps this rare
            continue
        crop = sample_crop(rng, box)
        if config.body_crops:
            bodies.append(PlannedView(camera.crop(crop, (config.size, config.size)), "body", crop, camera))
        if number < config.full_frames:
            long = max(camera.width, camera.height)
            w, h = (max(round(config.size * s / long), 8) for s in (camera.width, camera.height))
            whole = (0.0, 0.0, float(camera.width), float(camera.height))
            # Rows and columns must scale alike, else pixels are not square: crop to the rounded aspect.
            scale = min(camera.width / w, camera.height / h)
            whole = (0.0, 0.0, w * scale, h * scale)
            frames.append(PlannedView(camera.crop(whole, (w, h)), "full", whole, camera))
        for kind, joints in HAND_JOINTS.items():
            uv = camera.project(person.joints[joints])
            if np.isfinite(uv).all() and (uv > 0).all() and (uv < [camera.width, camera.height]).all():
                side = max(float(np.ptp(uv, axis=0).max()), 12.0) * rng.uniform(1.5, 2.3)
                cx, cy = uv.mean(0) + rng.normal(0, 0.06, 2) * side
                crop = (cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2)
                size = config.hand_size or config.size
                hands.append(PlannedView(camera.crop(crop, (size, size)), kind, crop, camera))
    order = rng.permutation(len(hands))
    spare = 3 if config.hand_crops else 0  # some hands turn out to be hidden
    return bodies + frames + [hands[i] for i in order[: config.hand_crops + spare]]
