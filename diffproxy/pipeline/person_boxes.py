"""Where the subject is in this frame: boxes from a file, masks, the last body, or the detector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box, BoxLike, as_box, tight_box
from diffproxy.pipeline.crop_refinement import whole_image_box
from diffproxy.pipeline.multiview_association import Candidate, Location, choose_subject
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import Number, validated

Corners = list[Number]
Boxes = dict[str, Corners | dict[str, Corners | None] | None]
LARGEST_PIXEL = 100_000.0

TRACK_MARGIN = 1.25  # how far limbs may move from one frame to the next, around the box of all joints


@runtime_checkable
class BoxSource(Protocol):
    """Says where the subject is; `near` is the subject's last known place (metres), if any."""

    def find(
        self,
        frame_id: int,
        images: Sequence[np.ndarray],
        cameras: Sequence[Camera],
        near: Float[np.ndarray, "3"] | None,
    ) -> Location: ...


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


class BoxFile:
    """JSON `{camera: {frame: [x0, y0, x1, y1]}}`, or `{camera: box}` for all frames; pixels of undistorted images."""

    def __init__(self, path: Path, cameras: Sequence[Camera]):
        if not path.exists():
            raise InputError("a JSON file of boxes", f"{path}, which does not exist", "check boxes=FILE")
        fix = 'write {"cam01": {"0": [x0, y0, x1, y1]}}'
        data = read_json(path, "boxes")
        if not isinstance(data, dict):
            raise InputError(f"an object of cameras in {path}", type(data).__name__, fix)
        self.boxes: dict[str, Any] = validated(Boxes, data, f"boxes in {path}", fix)
        if not set(self.boxes) & {c.name for c in cameras}:
            names, here = ", ".join(c.name for c in cameras), ", ".join(self.boxes)
            raise InputError(
                f"boxes for the cameras {names} in {path}", here or "none", "name the cameras alike"
            )

    def find(
        self, frame_id: int, images: Sequence[np.ndarray], cameras: Sequence[Camera], near: Any
    ) -> Location:
        boxes = [self._box(c.name, frame_id) for c in cameras]
        return from_given(boxes, cameras, "box file")

    def _box(self, camera: str, frame_id: int) -> Box | None:
        entry = self.boxes.get(camera)
        value = entry.get(str(frame_id), entry.get("*")) if isinstance(entry, dict) else entry
        if value is None:
            return None
        box = np.asarray(value, dtype=np.float64).ravel()
        if box.size != 4 or not (np.isfinite(box).all() and box[2] > box[0] and box[3] > box[1]):
            raise InputError(
                f"a box [x0, y0, x1, y1] with x1 > x0 and y1 > y0 for {camera}, frame {frame_id}",
                str(value),
                "correct the box file",
            )
        if np.abs(box).max() > LARGEST_PIXEL:
            raise InputError(
                f"a box of at most {LARGEST_PIXEL:g} pixels for {camera}, frame {frame_id}",
                str(value),
                "correct the box file; boxes are in pixels of the image",
            )
        return as_box(box)


class Masks:
    """`<folder>/<camera>/<frame>.png`, not black = subject; the box is what the mask covers. Numbers are those of the
    image files.

    Args:
        folder: Where the masks are.
        cameras: All cameras of the rig.
        file_numbers: `RigFrames.file_numbers`, where cameras may be out of step.
    """

    def __init__(
        self,
        folder: Path,
        cameras: Sequence[Camera],
        file_numbers: Callable[[int], Mapping[str, int]] = lambda _: {},
    ):
        self.file_numbers = file_numbers
        self.files: dict[str, dict[int, Path]] = {}
        for camera in cameras:
            found = sorted((folder / camera.name).glob("*.png"))
            self.files[camera.name] = {
                int(p.stem): p for p in found if p.stem.isdecimal() and len(p.stem) < 18
            }
        if not any(self.files.values()):
            wanted = f"{folder}/{cameras[0].name}/000000.png and the like"
            raise InputError(f"masks as {wanted}", "none", "check masks=DIR")

    def find(
        self, frame_id: int, images: Sequence[np.ndarray], cameras: Sequence[Camera], near: Any
    ) -> Location:
        numbers = self.file_numbers(frame_id)
        boxes = [self._box(c, numbers.get(c.name, frame_id)) for c in cameras]
        return from_given(boxes, cameras, "masks")

    def _box(self, camera: Camera, number: int) -> Box | None:
        from diffproxy.cameras.image_files import read_image

        path = self.files[camera.name].get(number)
        if path is None:
            return None
        mask = read_image(path).max(axis=-1) > 0
        box = tight_box(mask)
        scale = np.array([camera.width / mask.shape[1], camera.height / mask.shape[0]] * 2)
        return None if box is None else as_box(box * scale)


def from_given(boxes: Sequence[BoxLike | None], cameras: Sequence[Camera], source: str) -> Location:
    """Boxes as they were given; views without one are left out and named."""
    notes = [f"{c.name}: no box in the {source}" for c, b in zip(cameras, boxes, strict=True) if b is None]
    plain = tuple(None if b is None else as_box(b) for b in boxes)
    return Location(plain, None, tuple(notes))


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
) -> BoxSource:
    """The box source that the options ask for; `detector` serves boxes=auto, `file_numbers` masks=DIR (see `Masks`)."""
    if masks:
        return Masks(Path(masks), cameras, file_numbers)
    if boxes == "full":
        return WholeImages()
    if boxes != "auto":
        return BoxFile(Path(boxes), cameras)
    return Located(detector)
