"""Readers of keypoint JSON files, of one image or of a video (docs/keypoints.md lists the layouts)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from diffproxy.cameras import Camera
from diffproxy.keypoints.layouts import Person2D, person_from_flat
from diffproxy.utils.bounded_files import Limits
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError
from diffproxy.utils.validation import OpenSchema, validated

FIX = "write the file again; docs/keypoints.md shows the layouts"
LOGIT = 100.0
"""Largest confidence that a detector writes: some exceed 1, or are scores before normalisation."""
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


def read_video(path: Path) -> dict[int, list[Person2D]]:
    """Read one file for a video: COCO results and AlphaPose (a list), or MMPose ("instance_info").

    Args:
        path: The file.

    Returns:
        The people by frame number, in pixels of the image files.

    Raises:
        InputError: a damaged file, an unknown layout, or frames without a number of their own.
    """
    data = _load(path)
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
            people = frames.setdefault(frame_number(str(entry.image_id).rsplit(".", 1)[0]), [])
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


def frame_number(stem: str) -> int:
    """The last run of digits of a name, as for image files.

    Args:
        stem: Name of the file without its suffix, or what a video's file calls the frame.

    Raises:
        InputError: no digits, or more than any frame number has.
    """
    runs = re.findall(r"\d+", stem)
    if not runs:
        raise InputError("a frame number in the name of a keypoint file", stem, "name it like 000012.json")
    if len(runs[-1].lstrip("0")) > Limits.NUMBER_DIGITS:
        expected = f"a frame number of at most {Limits.NUMBER_DIGITS} digits"
        raise InputError(f"{expected} in the name of a keypoint file", stem, "name it like 000012.json")
    return int(runs[-1])


def _kind(data: Any) -> str:
    return f"keys {sorted(data)[:6]}" if isinstance(data, dict) else type(data).__name__
