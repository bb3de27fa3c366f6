"""Images cut to a random window of the person, each view on its own: "4D-DRESS partial".

The paper does not state its law. Here a window of 40 to 80 % of the person's box on each side lies anywhere in the box.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from diffproxy.evaluation.datasets.subject import EvalSubject
from diffproxy.pipeline.crop_refinement import whole_image_box
from diffproxy.utils.errors import InputError

SHARES = (0.4, 0.8)
LEAST_SIDE = 8  # pixels


def partial_subject(subject: EvalSubject, seed: int) -> EvalSubject:
    """The subject as its windows show it; equal seeds and keys give equal windows.

    Raises:
        InputError: the subject has no boxes.
    """
    if subject.boxes is None:
        raise InputError("boxes, to cut windows of the person", "images=full", "write images=crops")
    rng = np.random.default_rng([seed, zlib.crc32(subject.key.encode())])
    images, cameras = [], []
    for image, camera, box in zip(subject.images, subject.cameras, subject.boxes, strict=True):
        low, high = np.array(box[:2]), np.array(box[2:])
        limit = np.array([camera.width, camera.height])
        side = (high - low) * rng.uniform(*SHARES, 2)
        start = low + (high - low - side) * rng.uniform(0, 1, 2)
        x0, y0 = np.clip(np.floor(start), 0, limit - LEAST_SIDE).astype(int).tolist()
        x1, y1 = (
            np.clip(np.ceil(start + side), [x0 + LEAST_SIDE, y0 + LEAST_SIDE], limit).astype(int).tolist()
        )
        images.append(np.ascontiguousarray(image[y0:y1, x0:x1]))
        cameras.append(camera.crop((x0, y0, x1, y1), (x1 - x0, y1 - y0)))
    boxes = [whole_image_box(c) for c in cameras]
    return replace(
        subject,
        images=images,
        cameras=cameras,
        boxes=boxes,
        exact=None,
        info=subject.info | {"partial": seed},
    )
