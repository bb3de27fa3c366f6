"""Keypoint detection (MediaPipe, optional) on a rig: one JSON file per camera and frame, in OpenPose's layout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from tqdm import tqdm

from diffproxy.cameras import RigFrames
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

SAME_PERSON = 0.1
"""Detections whose points lie closer than this share of their size are one person."""
HAND_CONFIDENCE = 0.9
"""MediaPipe has no confidence for single points of a hand."""


class MediaPipe:
    """MediaPipe's holistic model (33 body points, 21 per hand). It detects one person per image, so the image is also
    divided into overlapping squares, and duplicates are merged.
    """

    def __init__(self, tiles: bool = True):
        try:
            from mediapipe.python.solutions.holistic import Holistic
        except ImportError as error:
            raise InputError(
                "the package mediapipe",
                str(error),
                "in an environment of its own (it asks for numpy < 2): pip install mediapipe==0.10.21",
            ) from error
        # complexity 1: the largest body model in the wheel; 2 would be downloaded
        self.model = Holistic(static_image_mode=True, model_complexity=1)
        self.tiles = tiles

    def people(self, image: UInt8[np.ndarray, "H W 3"]) -> list[dict[str, Any]]:
        """People in OpenPose's fields, highest confidence first; pixels of `image` (RGB)."""
        found: list[tuple[float, dict[str, Any]]] = []
        for x0, y0, x1, y1 in squares(image.shape[1], image.shape[0], self.tiles):
            entry = self._one(np.ascontiguousarray(image[y0:y1, x0:x1]), x0, y0)
            if entry is not None:
                found.append((float(entry["pose_keypoints_2d"][:, 2].mean()), entry))
        found.sort(key=lambda f: -f[0])
        kept: list[dict[str, Any]] = []
        for _, entry in found:
            if not any(same_person(entry["pose_keypoints_2d"], k["pose_keypoints_2d"]) for k in kept):
                kept.append(entry)
        return kept

    def _one(self, crop: np.ndarray, x0: int, y0: int) -> dict[str, Any] | None:
        result = self.model.process(crop)
        if result.pose_landmarks is None:
            return None

        def rows(landmarks: Any, confidence: float | None = None) -> np.ndarray:
            if landmarks is None:
                return np.zeros((0, 3))
            values = [
                (
                    p.x * crop.shape[1] + x0,
                    p.y * crop.shape[0] + y0,
                    p.visibility if confidence is None else confidence,
                )
                for p in landmarks.landmark
            ]
            return np.array(values, dtype=np.float64)

        return {
            "pose_keypoints_2d": rows(result.pose_landmarks),
            "hand_left_keypoints_2d": rows(result.left_hand_landmarks, HAND_CONFIDENCE),
            "hand_right_keypoints_2d": rows(result.right_hand_landmarks, HAND_CONFIDENCE),
        }


def squares(width: int, height: int, tiles: bool = True) -> list[tuple[int, int, int, int]]:
    """The whole image, and overlapping squares of its shorter side and of 60 % of it."""
    boxes = [(0, 0, width, height)]
    for share in (1.0, 0.6) if tiles else ():
        side = round(share * min(width, height))
        columns, rows = (max(1, int(np.ceil((n - side) / (0.5 * side))) + 1) for n in (width, height))
        for x in np.linspace(0, width - side, columns).round().astype(int):
            for y in np.linspace(0, height - side, rows).round().astype(int):
                boxes.append((int(x), int(y), int(x) + side, int(y) + side))
    return list(dict.fromkeys(boxes))


def same_person(a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "n 3"]) -> bool:
    """Whether two detections (rows x, y, confidence) overlap."""
    both = (a[:, 2] > 0.5) & (b[:, 2] > 0.5)
    if both.sum() < 5:
        return False
    size = max(float(np.ptp(a[both, :2], axis=0).max()), 1e-6)
    return float(np.median(np.linalg.norm(a[both, :2] - b[both, :2], axis=-1))) < SAME_PERSON * size


def detect(
    frames: RigFrames, frame_ids: Iterable[int], out: Path, detector: Any, names: Sequence[str] = ()
) -> int:
    """Write `out/<camera>/<frame>.json`; existing files are kept.

    Args:
        frames: Images of the rig.
        frame_ids: Frames to process.
        out: Folder of the files.
        detector: Object with `people(image)`.
        names: Cameras to process; empty: all.

    Returns:
        Number of detected people. Pixels are those of the image files; readers undo lens distortion.
    """
    total = 0
    for frame_id in tqdm(sorted(frame_ids), desc="keypoints", unit="frame"):
        files = [out / c.name / f"{frame_id:06d}.json" for c in frames.raw_cameras]
        if all(f.is_file() for f in files):
            continue
        for file, camera, image in zip(files, frames.raw_cameras, frames.read_raw(frame_id), strict=True):
            if names and camera.name not in names:
                continue
            people = [
                {k: np.asarray(v).round(4).ravel().tolist() for k, v in p.items()}
                for p in detector.people(image)
            ]
            total += len(people)
            data = {"version": 1.3, "detector": type(detector).__name__, "people": people}
            write_atomic(file, json.dumps(data).encode())
    return total
