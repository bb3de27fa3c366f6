"""Where the subject is in this frame: the last body, the detector, whole images, or as given (`given_boxes.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box, as_box
from diffproxy.pipeline.crop_refinement import whole_image_box
from diffproxy.pipeline.given_boxes import BoxFile, Masks, from_given
from diffproxy.pipeline.multiview_association import Location, choose_subject
from diffproxy.pipeline.multiview_people import Candidate

TRACK_MARGIN = 1.25  # how far limbs may move from one frame to the next, around the box of all joints


@runtime_checkable
class BoxSource(Protocol):
    """Says where the subject is."""

    def find(
        self,
        frame_id: int,
        images: Sequence[np.ndarray],
        cameras: Sequence[Camera],
        near: Float[np.ndarray, "3"] | None,
    ) -> Location:
        """Boxes of one frame.

        Args:
            frame_id: Its number.
            images: (H, W, 3) uint8 RGB, undistorted, of each camera.
            cameras: Their pinhole cameras.
            near: The subject's last known place, world, metres.
        """
        ...


class WholeImages:
    """The subject fills the images."""

    def find(
        self, frame_id: int, images: Sequence[np.ndarray], cameras: Sequence[Camera], near: Any
    ) -> Location:
        return Location(tuple(whole_image_box(c) for c in cameras), None)


class Located:
    """Detections made consistent over the views."""

    def __init__(self, detector: Any):
        self.detector = detector

    def find(
        self, frame_id: int, images: Sequence[np.ndarray], cameras: Sequence[Camera], near: Any
    ) -> Location:
        found = self.detector.locate(list(images))
        candidates = [[Candidate.from_box(c.box, float(c.score)) for c in view] for view in found]
        return choose_subject(candidates, cameras, near)


def from_joints(joints: Float[np.ndarray, "55 3"], cameras: Sequence[Camera]) -> Location:
    """Boxes around the joints of the last body; cameras that do not see its middle get none."""
    boxes: list[Box | None] = []
    for camera in cameras:
        pixels = camera.project(joints.astype(np.float64))
        middle = np.nanmean(pixels, axis=0) if np.isfinite(pixels).any() else np.full(2, np.nan)
        inside = 0 <= middle[0] < camera.width and 0 <= middle[1] < camera.height
        if not (np.isfinite(pixels).all() and inside):
            boxes.append(None)
            continue
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        centre, half = 0.5 * (low + high), 0.5 * TRACK_MARGIN * (high - low)
        boxes.append(as_box((*(centre - half), *(centre + half))))
    return from_given(boxes, cameras, "last frame")


def choose_source(
    boxes: str,
    masks: str,
    cameras: Sequence[Camera],
    detector: Any | None,
    file_numbers: Callable[[int], Mapping[str, int]] = lambda _: {},
    frame_ids: Sequence[int] = (),
) -> BoxSource:
    """The box source that the options ask for; `detector` serves boxes=auto, `file_numbers` masks=DIR (see `Masks`).
    `frame_ids`: frames of the rig, with which the numbers of boxes and masks are compared."""
    if masks:
        return Masks(Path(masks), cameras, file_numbers, frame_ids)
    if boxes == "full":
        return WholeImages()
    if boxes != "auto":
        return BoxFile(Path(boxes), cameras, frame_ids)
    return Located(detector)
