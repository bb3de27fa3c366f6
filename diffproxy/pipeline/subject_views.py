"""The views of one frame that show the subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box


@dataclass(frozen=True)
class SubjectViews:
    """Images, cameras and boxes of the subject, in the same order.

    Attributes:
        images: (H, W, 3) uint8 RGB of each view.
        cameras: Their cameras.
        boxes: The subject in each image, pixels.
    """

    images: Sequence[np.ndarray]
    cameras: Sequence[Camera]
    boxes: Sequence[Box]

    @classmethod
    def with_box(
        cls, images: Sequence[np.ndarray], cameras: Sequence[Camera], boxes: Sequence[Box | None]
    ) -> SubjectViews:
        """The views in which the subject has a box; `boxes[v]` is None in the others."""
        shown = [(v, box) for v, box in enumerate(boxes) if box is not None]
        return cls([images[v] for v, _ in shown], [cameras[v] for v, _ in shown], [box for _, box in shown])

    def __len__(self) -> int:
        return len(self.cameras)

    def each(self) -> list[SubjectViews]:
        """Every view by itself."""
        views = zip(self.images, self.cameras, self.boxes, strict=True)
        return [SubjectViews([image], [camera], [box]) for image, camera, box in views]
