"""Readers of folders of keypoint JSON files (docs/keypoints.md lists the layouts)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from diffproxy.cameras import Camera
from diffproxy.keypoints.layouts import Person2D, person_from_flat
from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import compare_numbers
from diffproxy.utils.validation import OpenSchema, validated

log = logging.getLogger(__name__)
FIX = "write the file again; docs/keypoints.md shows the layouts"
NUMBERS = "number the files as the images are"
FOLDER_ENDINGS = ("", "_json", "_keypoints")
LOGIT = 100.0
"""Largest confidence that a detector writes: some exceed 1, or are scores before normalisation."""
FRACTION = 1.0  # pixels: keypoints that all lie below are fractions of the image
LEAST_INSIDE = 0.5
_PARTS = {
    "hand_left_keypoints_2d": "left_hand21",
    "hand_right_keypoints_2d": "right_hand21",
}
_LANDMARKS = {
    "pose_landmarks": "mediapipe33",
    "left_hand_landmarks": "left_hand21",
    "right_hand_landmarks": "right_hand21",
}


class _Point(OpenSchema):
    """A landmark of MediaPipe, fractions of the image size."""

    x: float
    y: float
    visibility: float | None = None


class _Instance(OpenSchema):
    """A person of MMPose."""

    keypoints: list[tuple[float, float]]
    keypoint_scores: list[float]


class _Frame(OpenSchema):
    """One frame of MMPose's file of a video."""

    frame_id: int = Field(ge=1, le=10**Limits.NUMBER_DIGITS)
    instances: list[_Instance] = Field(default_factory=list)


class _Entry(OpenSchema):
    """A person of COCO's and AlphaPose's result files."""

    image_id: str | Annotated[int, Field(strict=True, ge=0)]
    keypoints: list[float]


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
            found[camera.name] = _folder(place, camera) if place.is_dir() else _video(_load(place), place)
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
        if (other := files.setdefault(_number(path.stem), path)) != path:
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


def read_people(path: Path, camera: Camera | None = None) -> list[Person2D]:
    """Read one frame of one camera: OpenPose's JSON (25, 17, 26, 33 or 133 points a person) or MediaPipe landmarks.

    Args:
        path: The file.
        camera: Its camera; needed for MediaPipe's landmarks, which are fractions of the image size.

    Returns:
        The people, in pixels of the image file.

    Raises:
        InputError: a damaged file or an unknown layout.
    """
    data = _load(path)
    if isinstance(data, dict) and set(data) & set(_LANDMARKS):
        return _landmarks(data, path, camera)
    if not isinstance(data, dict) or not isinstance(data.get("people"), list):
        raise InputError(
            f'{{"people": [...]}} or MediaPipe landmarks in {path}', _kind(data), "see docs/keypoints.md"
        )
    people = []
    for i, entry in enumerate(data["people"]):
        if not isinstance(entry, dict):
            raise InputError(f"people[{i}] in {path} as an object", _kind(entry), FIX)
        flat = entry.get("pose_keypoints_2d", [])
        if flat is None or flat == []:
            continue
        person = _person(_rows(flat, path), path)
        for key, layout in _PARTS.items():
            if entry.get(key):
                person = person.merged(_person(_rows(entry[key], path), path, layout))
        people.append(person)
    return people


def _landmarks(data: dict[str, Any], path: Path, camera: Camera | None) -> list[Person2D]:
    if camera is None:
        raise InputError(
            f"the camera of {path}, for the image's size", "none", "pass the rig to open_keypoints"
        )
    person: Person2D | None = None
    for key, layout in _LANDMARKS.items():
        rows = validated(list[_Point], data.get(key) or [], f"{key} in {path}", FIX)
        if not rows:
            continue
        unstated = 1.0 if "hand" in key else 0.0
        values = np.array(
            [
                (
                    p.x * camera.width,
                    p.y * camera.height,
                    unstated if p.visibility is None else p.visibility,
                )
                for p in rows
            ]
        )
        part = _person(values, path, layout)
        person = part if person is None else person.merged(part)
    return [] if person is None else [person]


def _video(data: Any, path: Path) -> dict[int, list[Person2D]]:
    """One file for a video: COCO results and AlphaPose (a list), or MMPose ("instance_info")."""
    frames: dict[int, list[Person2D]] = {}
    if isinstance(data, dict) and isinstance(data.get("instance_info"), list):
        for frame in validated(list[_Frame], data["instance_info"], f"instance_info in {path}", FIX):
            if frame.frame_id - 1 in frames:  # MMPose counts from 1
                raise InputError(f"each frame_id once in {path}", f"{frame.frame_id} twice", FIX)
            frames[frame.frame_id - 1] = [_instance(one, path) for one in frame.instances]
    elif (
        isinstance(data, list) and data and all(isinstance(e, dict) and "keypoint_scores" in e for e in data)
    ):
        # MMPose's file of one image: a list of people.
        people = [_instance(one, path) for one in validated(list[_Instance], data, f"people in {path}", FIX)]
        frames[0] = people
    elif isinstance(data, list):
        for entry in validated(list[_Entry], data, f"COCO results in {path}", FIX):
            people = frames.setdefault(_number(str(entry.image_id).rsplit(".", 1)[0]), [])
            people.append(_person(_rows(entry.keypoints, path), path))
    else:
        raise InputError(
            f"COCO results, AlphaPose or MMPose JSON in {path}", _kind(data), "see docs/keypoints.md"
        )
    return frames


def _instance(one: _Instance, path: Path) -> Person2D:
    if len(one.keypoints) != len(one.keypoint_scores):
        found = f"{len(one.keypoints)} keypoints, {len(one.keypoint_scores)} scores"
        raise InputError(f"a score for each keypoint in {path}", found, FIX)
    return _person(np.column_stack([np.array(one.keypoints), np.array(one.keypoint_scores)]), path)


def _person(values: np.ndarray, path: Path, layout: str | None = None) -> Person2D:
    """`person_from_flat`, with the file named, and confidences checked: outside [0, 1] they mean something else."""
    stated = (
        values[np.isfinite(values).all(-1), 2] if values.ndim == 2 and values.shape[1] == 3 else values[:0]
    )
    if stated.size and not (stated.min() >= -LOGIT and stated.max() <= LOGIT):
        found = f"{stated.min():g} .. {stated.max():g}"
        raise InputError(f"confidences from 0 to 1 in {path}", found, FIX)
    try:
        return person_from_flat(values, layout)
    except InputError as error:
        raise InputError(f"{error.expected} in {path}", error.found, error.fix) from error


def _rows(flat: Any, path: Path) -> np.ndarray:
    values = np.array(validated(list[float], flat, f"keypoints in {path}", FIX), dtype=np.float64)
    if values.size % 3:
        raise InputError(
            f"x, y, confidence triples in {path}", f"{values.size} numbers", "write all three per keypoint"
        )
    return values.reshape(-1, 3)


def _load(path: Path) -> Any:
    return read_json(path, "keypoints", finite=False)


def _number(stem: str) -> int:
    """The frame number: the last run of digits of the name, as for image files."""
    runs = re.findall(r"\d+", stem)
    if not runs:
        raise InputError("a frame number in the name of a keypoint file", stem, "name it like 000012.json")
    if len(runs[-1].lstrip("0")) > Limits.NUMBER_DIGITS:
        expected = f"a frame number of at most {Limits.NUMBER_DIGITS} digits"
        raise InputError(f"{expected} in the name of a keypoint file", stem, "name it like 000012.json")
    return int(runs[-1])


def _kind(data: Any) -> str:
    return f"keys {sorted(data)[:6]}" if isinstance(data, dict) else type(data).__name__
