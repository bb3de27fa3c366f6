"""Readers of folders of keypoint JSON files (docs/keypoints.md lists the layouts)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.keypoints.layouts import Person2D, person_from_flat
from diffproxy.utils.errors import InputError

FOLDER_ENDINGS = ("", "_json", "_keypoints")
_PARTS = {
    "hand_left_keypoints_2d": "left_hand21",
    "hand_right_keypoints_2d": "right_hand21",
}
_LANDMARKS = {
    "pose_landmarks": "mediapipe33",
    "left_hand_landmarks": "left_hand21",
    "right_hand_landmarks": "right_hand21",
}


@dataclass(frozen=True)
class KeypointFolder:
    """Detections of several cameras: camera name → frame number → people, in pixels of the image files."""

    people: dict[str, dict[int, list[Person2D]]]

    def frame(self, frame_id: int, cameras: Sequence[Camera]) -> list[list[Person2D]]:
        """The people of one frame, per camera; empty without a file or person."""
        return [self.people.get(c.name, {}).get(frame_id, []) for c in cameras]

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
        for ending in FOLDER_ENDINGS:
            files = sorted((folder / f"{camera.name}{ending}").glob("*.json"))
            if files:
                found[camera.name] = {_number(p.stem): read_people(p, camera) for p in files}
                break
        else:
            single = folder / f"{camera.name}.json"
            if single.is_file():
                found[camera.name] = _video(_load(single), single)
    if not found:
        names = ", ".join(c.name for c in cameras)
        raise InputError(
            f"keypoints of {names} in {folder}",
            ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "an empty folder",
            f"name folders or files after the cameras: {cameras[0].name}/000000.json",
        )
    return KeypointFolder(found)


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
    for entry in data["people"]:
        flat = entry.get("pose_keypoints_2d", []) if isinstance(entry, dict) else []
        if not flat:
            continue
        person = person_from_flat(_rows(flat, path))
        for key, layout in _PARTS.items():
            if entry.get(key):
                person = person.merged(person_from_flat(_rows(entry[key], path), layout))
        people.append(person)
    return people


def _landmarks(data: dict[str, Any], path: Path, camera: Camera | None) -> list[Person2D]:
    if camera is None:
        raise InputError(
            f"the camera of {path}, for the image's size", "none", "pass the rig to open_keypoints"
        )
    person: Person2D | None = None
    for key, layout in _LANDMARKS.items():
        rows = data.get(key) or []
        if not rows:
            continue
        try:
            values = np.array(
                [
                    [
                        p["x"] * camera.width,
                        p["y"] * camera.height,
                        p.get("visibility", 1.0 if "hand" in key else 0.0),
                    ]
                    for p in rows
                ]
            )
        except (TypeError, KeyError) as error:
            raise InputError(
                f"landmarks with x and y in {path}", f"{error}", "write MediaPipe's own fields"
            ) from error
        part = person_from_flat(values, layout)
        person = part if person is None else person.merged(part)
    return [] if person is None else [person]


def _video(data: Any, path: Path) -> dict[int, list[Person2D]]:
    """One file for a video: COCO results and AlphaPose (a list), or MMPose ("instance_info")."""
    frames: dict[int, list[Person2D]] = {}
    if isinstance(data, dict) and isinstance(data.get("instance_info"), list):
        for frame in data["instance_info"]:
            people = frames.setdefault(int(frame.get("frame_id", 1)) - 1, [])  # MMPose counts from 1
            for one in frame.get("instances", []):
                xy, score = np.asarray(one["keypoints"], float), np.asarray(one["keypoint_scores"], float)
                people.append(person_from_flat(np.column_stack([xy, score])))
    elif isinstance(data, list):
        for entry in data:
            people = frames.setdefault(_number(str(entry["image_id"]).rsplit(".", 1)[0]), [])
            people.append(person_from_flat(_rows(entry["keypoints"], path)))
    else:
        raise InputError(
            f"COCO results, AlphaPose or MMPose JSON in {path}", _kind(data), "see docs/keypoints.md"
        )
    return frames


def _rows(flat: Any, path: Path) -> np.ndarray:
    values = np.asarray(flat, dtype=np.float64).ravel()
    if values.size % 3:
        raise InputError(
            f"x, y, confidence triples in {path}", f"{values.size} numbers", "write all three per keypoint"
        )
    return values.reshape(-1, 3)


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"JSON in {path}", str(error), "write the file again") from error


def _number(stem: str) -> int:
    """The frame number: the last run of digits of the name, as for image files."""
    runs = re.findall(r"\d+", stem)
    if not runs:
        raise InputError("a frame number in the name of a keypoint file", stem, "name it like 000012.json")
    return int(runs[-1])


def _kind(data: Any) -> str:
    return f"keys {sorted(data)[:6]}" if isinstance(data, dict) else type(data).__name__
