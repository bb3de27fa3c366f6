"""Where the subject is as users say it: a file of boxes, or masks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box, BoxLike, as_box, tight_box
from diffproxy.pipeline.multiview_association import Location
from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import compare_numbers
from diffproxy.utils.validation import Number, validated

log = logging.getLogger(__name__)

Corners = list[Number]
Boxes = dict[str, Corners | dict[str, Corners | None] | None]
LARGEST_PIXEL = 100_000.0
LEAST_INSIDE = 2.0  # pixels of a box along each side: fractions of the image have less
ALL = "*"
ASPECT = 0.02  # relative difference of width over height between a mask and its image
INVERTED = 0.5  # share of the image that no mask of a person covers who touches all its edges
SPECK = 0.005  # of the largest part of a mask: smaller parts are what segmentation leaves behind
FIX = 'write {"cam01": {"0": [x0, y0, x1, y1]}}'
NUMBERS = "number them as the images are"


class BoxFile:
    """JSON `{camera: {frame: [x0, y0, x1, y1]}}`, or `{camera: box}` for all frames; pixels of undistorted images.

    Args:
        path: The file.
        cameras: All cameras of the rig.
        frame_ids: Frames of the rig; none: numbers are not compared.

    Raises:
        InputError: another file, no box of any camera or frame of the rig, or a box that is not in the image.
    """

    def __init__(self, path: Path, cameras: Sequence[Camera], frame_ids: Sequence[int] = ()):
        if not path.exists():
            raise InputError("a JSON file of boxes", f"{path}, which does not exist", "check boxes=FILE")
        data = read_json(path, "boxes")
        if not isinstance(data, dict):
            raise InputError(f"an object of cameras in {path}", type(data).__name__, FIX)
        listed: dict[str, Any] = validated(Boxes, data, f"boxes in {path}", FIX)
        names, here = ", ".join(c.name for c in cameras), ", ".join([*listed][:12])
        known = [c for c in cameras if c.name in listed]
        if not known:
            raise InputError(
                f"boxes for the cameras {names} in {path}", here or "none", "name the cameras alike"
            )
        _name_missing("boxes", path, cameras, [c.name for c in known], here)
        self.boxes = {c.name: _boxes_of(c, listed[c.name], path) for c in known}
        if not any(ALL in boxes for boxes in self.boxes.values()):
            numbers = {n for boxes in self.boxes.values() for n in boxes if isinstance(n, int)}
            compare_numbers(f"the boxes of {path}", numbers, frame_ids, NUMBERS)

    def find(
        self, frame_id: int, images: Sequence[np.ndarray], cameras: Sequence[Camera], near: Any
    ) -> Location:
        boxes = [self.boxes.get(c.name, {}) for c in cameras]
        return from_given([b.get(frame_id, b.get(ALL)) for b in boxes], cameras, "box file")


def _boxes_of(
    camera: Camera, entry: dict[str, Corners | None] | Corners | None, path: Path
) -> dict[int | str, Box | None]:
    """The boxes of a camera by frame number, or `ALL`."""
    out: dict[int | str, Box | None] = {}
    listed: dict[str, Corners | None] = entry if isinstance(entry, dict) else {ALL: entry}
    for frame, corners in listed.items():
        number: int | str = ALL
        if frame != ALL:
            if not frame.isdecimal() or len(frame.lstrip("0")) > Limits.NUMBER_DIGITS:
                raise InputError(f"frame numbers, or *, for {camera.name} in {path}", frame[:40], FIX)
            number = int(frame)
        if number in out:
            raise InputError(f"each frame once for {camera.name} in {path}", f"{frame} twice", FIX)
        out[number] = None if corners is None else _box(corners, camera, f"{camera.name}, frame {frame}")
    return out


def _box(corners: Corners, camera: Camera, where: str) -> Box:
    box = np.asarray(corners, dtype=np.float64)
    if box.shape != (4,) or not (np.isfinite(box).all() and box[2] > box[0] and box[3] > box[1]):
        expected = f"a box [x0, y0, x1, y1] with x1 > x0 and y1 > y0 for {where}"
        raise InputError(expected, str(corners), "correct the box file")
    inside = np.minimum(box[2:], (camera.width, camera.height)) - np.maximum(box[:2], 0)
    if np.abs(box).max() > LARGEST_PIXEL or inside.min() < LEAST_INSIDE:
        raise InputError(
            f"a box inside the {camera.width}x{camera.height} image for {where}",
            str(corners),
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
        frame_ids: Frames of the rig; none: numbers are not compared.

    Raises:
        InputError: no mask of any camera, two of one frame, or none of a frame of the rig.
    """

    def __init__(
        self,
        folder: Path,
        cameras: Sequence[Camera],
        file_numbers: Callable[[int], Mapping[str, int]] = lambda _: {},
        frame_ids: Sequence[int] = (),
    ):
        self.file_numbers = file_numbers
        self.files = {camera.name: _masks_in(folder / camera.name) for camera in cameras}
        if not any(self.files.values()):
            wanted = f"{folder}/{cameras[0].name}/000000.png and the like"
            raise InputError(f"masks as {wanted}", "none", "check masks=DIR")
        _name_missing(
            "masks", folder, cameras, [n for n, f in self.files.items() if f], "DIR/<camera>/000000.png"
        )
        for name, files in self.files.items():
            numbers = {file_numbers(i).get(name, i) for i in frame_ids}
            compare_numbers(f"the masks of {name}", files, numbers, NUMBERS)
        self._doubted: set[str] = set()

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
        mask = _without_specks(read_image(path).max(axis=-1) > 0)
        height, width = mask.shape
        if abs(width / height * camera.height / camera.width - 1) > ASPECT:
            expected = f"masks of the aspect of {camera.width}x{camera.height}: {path}"
            raise InputError(expected, f"{width}x{height}", "write them at the size of the images")
        box = tight_box(mask)
        if box == (0, 0, width, height) and mask.mean() > INVERTED and camera.name not in self._doubted:
            self._doubted.add(camera.name)
            share = f"{mask.mean():.0%} of the image and touches all its edges"
            log.warning("%s covers %s: is it inverted? What is not black is the subject", path, share)
        scale = np.array([camera.width / width, camera.height / height] * 2)
        return None if box is None else as_box(box * scale)


def _masks_in(folder: Path) -> dict[int, Path]:
    """Masks of a camera by number."""
    found: dict[int, Path] = {}
    for path in sorted(p for p in folder.glob("*") if p.suffix.lower() == ".png"):
        if not path.stem.isdecimal() or len(path.stem) >= 18:
            continue
        if (other := found.setdefault(int(path.stem), path)) != path:
            raise InputError(f"one mask a frame in {folder}", f"{other.name} and {path.name}", "remove one")
    return found


def _without_specks(mask: Bool[ndarray, "H W"]) -> Bool[ndarray, "H W"]:
    """The mask without parts that are tiny beside its largest one."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    area = stats[:, cv2.CC_STAT_AREA]
    keep = area >= SPECK * area[1:].max()
    keep[0] = False
    return keep[labels]


def _name_missing(what: str, place: Path, cameras: Sequence[Camera], known: Sequence[str], here: str) -> None:
    if missing := [c.name for c in cameras if c.name not in known]:
        log.warning("no %s for %s in %s: fitted without (%s)", what, ", ".join(missing), place, here)


def from_given(boxes: Sequence[BoxLike | None], cameras: Sequence[Camera], source: str) -> Location:
    """Boxes as they were given; views without one are left out and named."""
    notes = [f"{c.name}: no box in the {source}" for c, b in zip(cameras, boxes, strict=True) if b is None]
    plain = tuple(None if b is None else as_box(b) for b in boxes)
    return Location(plain, None, tuple(notes))
