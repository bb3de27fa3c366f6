"""A folder of keypoint files of several cameras: which are of which camera and frame, and whether they fit a rig."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.keypoints.layouts import Person2D
from diffproxy.keypoints.readers import frame_number, read_people, read_video
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import compare_numbers

log = logging.getLogger(__name__)
NUMBERS = "number the files as the images are"
FOLDER_ENDINGS = ("", "_json", "_keypoints")
FRACTION = 1.0  # pixels: keypoints that all lie below are fractions of the image
LEAST_INSIDE = 0.5


@checked
@dataclass(frozen=True)
class KeypointFolder:
    """Detections of several cameras: camera name → frame number → people, in pixels of the image files."""

    people: dict[str, dict[int, list[Person2D]]]

    def frame(
        self, frame_id: int, cameras: Sequence[Camera], numbers: Mapping[str, int] | None = None
    ) -> list[list[Person2D]]:
        """The people of one frame, per camera; empty without a file or person. `numbers`: the frame's number in the
        files of each camera, where cameras are out of step (`RigFrames.file_numbers`)."""
        numbers = numbers or {}
        return [self.people.get(c.name, {}).get(numbers.get(c.name, frame_id), []) for c in cameras]

    def compare_frames(
        self, frame_ids: Sequence[int], file_numbers: Callable[[int], Mapping[str, int]]
    ) -> None:
        """Whether the files are of these frames of a rig, see `compare_numbers`; `file_numbers` as in `RigFrames`."""
        for camera, frames in self.people.items():
            numbers = {file_numbers(i)[camera] for i in frame_ids}
            compare_numbers(f"the keypoints of {camera}", frames, numbers, NUMBERS)

    @property
    def frame_ids(self) -> list[int]:
        return sorted({f for frames in self.people.values() for f in frames})


@checked
def open_keypoints(folder: Path | str, cameras: Sequence[Camera]) -> KeypointFolder:
    """Read all keypoints under a folder: `<camera>/…<frame>….json`, `<camera>_json/…` or one `<camera>.json` each.

    Args:
        folder: The folder.
        cameras: Cameras of the image files (`RigFrames.raw_cameras`).

    Returns:
        The detections of all cameras.

    Raises:
        InputError: a missing folder, damaged files, an unknown layout, or no file for any camera.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError("a folder of keypoint files", f"{folder}, which does not exist", "check the path")
    found: dict[str, dict[int, list[Person2D]]] = {}
    for camera in cameras:
        places = [p for ending in FOLDER_ENDINGS if _files(p := folder / f"{camera.name}{ending}")]
        places += [p for p in (folder / f"{camera.name}.json",) if p.is_file()]
        if len(places) > 1:
            names = " and ".join(p.name for p in places)
            raise InputError(f"one source of keypoints for {camera.name} in {folder}", names, "remove one")
        for place in places:
            found[camera.name] = _folder(place, camera) if place.is_dir() else read_video(place)
    if not found:
        names = ", ".join(c.name for c in cameras)
        raise InputError(
            f"keypoints of {names} in {folder}",
            ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "an empty folder",
            f"name folders or files after the cameras: {cameras[0].name}/000000.json",
        )
    _check_places(found, cameras, folder)
    missing = [c.name for c in cameras if c.name not in found]
    if missing:
        names = ", ".join(sorted(p.name for p in folder.iterdir())[:12])
        log.warning(
            "no keypoints for %s: fitted without (names there: %s; upper and lower case count)",
            ", ".join(missing),
            names,
        )
    return KeypointFolder(found)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.json") if not p.name.startswith("."))


def _folder(folder: Path, camera: Camera) -> dict[int, list[Person2D]]:
    """One file for each frame; two of one number are an InputError."""
    files: dict[int, Path] = {}
    for path in _files(folder):
        if re.search(r"\d[.,]\d", path.stem):
            fix = "rename them to whole numbers in order of time, e.g. 000012.json"
            raise InputError(f"whole frame numbers in the names of {folder}", path.name, fix)
        if (other := files.setdefault(frame_number(path.stem), path)) != path:
            found = f"{other.name} and {path.name}"
            fix = "remove or rename one; the number is the last run of digits in the name"
            raise InputError(f"one keypoint file per frame number in {folder}", found, fix)
    return {number: read_people(path, camera) for number, path in files.items()}


def _check_places(
    found: dict[str, dict[int, list[Person2D]]], cameras: Sequence[Camera], folder: Path
) -> None:
    """Name the cameras none of whose keypoints can be used; InputError if there are people and no camera has any."""
    useless, outside, people = [], [], 0
    for camera in cameras:
        points = [p.points[p.seen] for frame in found.get(camera.name, {}).values() for p in frame]
        people += len(points)
        xy = np.concatenate([np.zeros((0, 3)), *points])[:, :2]
        inside = ((xy >= 0) & (xy <= (camera.width, camera.height))).all(-1)
        if points and not (inside & (xy > FRACTION).any(-1)).any():
            useless.append(camera.name)
        elif points and inside.mean() < LEAST_INSIDE:
            outside.append(camera.name)
    if not people:
        log.warning("nobody is in any keypoint file of %s: fitted without", folder)
    if outside:
        names = ", ".join(outside)
        log.warning("most keypoints of %s lie outside of the image: are they of images of this size?", names)
    if people and len(useless) == sum(any(frames.values()) for frames in found.values()):
        raise InputError(
            f"finite keypoints inside the images of {', '.join(useless)}, with confidence above 0, in {folder}",
            "none",
            "write pixels of the image files, first pixel at the top left",
        )
    if useless:
        names = ", ".join(useless)
        log.warning("no keypoint of %s is finite, in pixels and inside the image: fitted without", names)
