"""The detections of a whole take on disk, so that a run that goes on does not detect again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from diffproxy.cameras import RigFrames
from diffproxy.detector.person_detector import Candidate
from diffproxy.geometry.boxes import as_box
from diffproxy.utils.io import write_atomic

log = logging.getLogger(__name__)

DETECTIONS = "detections.json"
EVERY = 100  # frames between writes

Frame = list[list[Candidate]]


def detect_take(
    frames: RigFrames, open_detector: Callable[[], Any], path: Path | None, stamp: str
) -> dict[int, Frame]:
    """Detections of all frames and views, in pixels of the undistorted images.

    Args:
        frames: The images.
        open_detector: Gives a detector when it is called; it is called only where frames are missing.
        path: JSON file that is read first, and written; None: none is.
        stamp: Of the images and the detector; detections of another one are made again.
    """
    found = {} if path is None else _load(path, stamp, len(frames.cameras))
    missing = [i for i in frames.frame_ids if i not in found]
    detector: Any = open_detector() if missing else None
    for n, frame_id in enumerate(tqdm(missing, desc="people", unit="frame", disable=not missing)):
        images = frames.read_views(frame_id).images
        shown = [v for v, image in enumerate(images) if image is not None]
        people: Frame = [[] for _ in images]
        for v, view in zip(shown, detector.locate([images[v] for v in shown]), strict=True):
            people[v] = list(view)
        found[frame_id] = people
        if path is not None and n % EVERY == EVERY - 1:
            save_detections(path, stamp, found)
    if missing and path is not None:
        save_detections(path, stamp, found)
    return {i: found[i] for i in frames.frame_ids}


def save_detections(path: Path, stamp: str, found: dict[int, Frame]) -> None:
    """Write the file that `detect_take` reads."""
    data = {
        "stamp": stamp,
        "frames": {str(i): [[_plain(c) for c in view] for view in found[i]] for i in sorted(found)},
    }
    write_atomic(path, json.dumps(data).encode())


def _plain(candidate: Candidate) -> dict[str, Any]:
    """Every number as it is: a second run gets the very same detections."""
    keypoints = np.asarray(candidate.keypoints, dtype=np.float32).astype(float).tolist()
    return {"box": [float(x) for x in candidate.box], "score": float(candidate.score), "keypoints": keypoints}


def _load(path: Path, stamp: str, views: int) -> dict[int, Frame]:
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text())
        if data["stamp"] != stamp:
            return {}
        return {int(i): _frame(people, views) for i, people in data["frames"].items()}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning("%s is damaged (%s): detecting people again", path, error)
        return {}


def _frame(people: Sequence[Sequence[dict[str, Any]]], views: int) -> Frame:
    if len(people) != views:
        raise ValueError(f"{len(people)} views instead of {views}")
    return [
        [
            Candidate(
                as_box(c["box"]), float(c["score"]), np.array(c["keypoints"], np.float32).reshape(17, 3)
            )
            for c in view
        ]
        for view in people
    ]
