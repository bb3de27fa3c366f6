"""The Shelf take as github.com/zhangyux15/4d_association publishes it: cameras, 2D detections, skeletons in 3D.

The folder `data/shelf` there holds calibration.json, detection/<camera>.txt (candidates of each BODY25 joint and the
scores of the limbs between them) and gt.txt. It has no licence: nothing of it is part of this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera
from diffproxy.detector.person_detector import Candidate
from diffproxy.keypoints.layouts import COCO17, LAYOUTS
from diffproxy.utils.bounded_files import read_text
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError

BODY25_TYPE = 4  # of the detections, as the files number their layouts
TRUTH_JOINTS = 15
MIN_JOINTS = 5  # of a detected person
_LIMBS = tuple(zip(
    (1, 9, 10, 8, 8, 12, 13, 1, 2, 3, 2, 1, 5, 6, 5, 1, 0, 0, 15, 16, 14, 19, 14, 11, 22, 11),
    (8, 10, 11, 9, 12, 13, 14, 2, 3, 4, 17, 5, 6, 7, 18, 0, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24),
    strict=True))  # fmt: skip
_TO_COCO = np.array([LAYOUTS["body25"].index(name) for name in COCO17])


@dataclass(frozen=True)
class ShelfTake:
    """`detections[frame][view]` in pixels; `truth[frame]`: (15, 3) joints in metres of each person who is annotated."""

    cameras: tuple[Camera, ...]
    detections: dict[int, list[list[Candidate]]]
    truth: dict[int, dict[int, Float[np.ndarray, "15 3"]]]


def open_shelf(folder: Path) -> ShelfTake:
    """Read the folder.

    Args:
        folder: With calibration.json, detection/ and gt.txt.

    Returns:
        The take; frames are numbered from 0. The joints that a detector's limbs connect are one person (greedily, the
        surest limb first, as OpenPose does).

    Raises:
        InputError: a file is missing or has another layout.
    """
    cameras = tuple(_camera(n, c) for n, c in sorted(read_json(folder / "calibration.json").items()))
    views = [_detections(folder / "detection" / f"{c.name}.txt", c) for c in cameras]
    truth = _truth(folder / "gt.txt")
    if len({len(truth), *map(len, views)}) != 1:
        raise InputError(
            f"as many frames in every file of {folder}",
            f"{[len(truth), *map(len, views)]}",
            "take all files from one version",
        )
    detections = {f: [view[f] for view in views] for f in range(len(truth))}
    return ShelfTake(cameras, detections, dict(enumerate(truth)))


def _camera(name: str, values: dict[str, list[float]]) -> Camera:
    K = np.array(values["K"], float).reshape(3, 3)
    K[:2, 2] += 0.5  # pixel centres are whole numbers there
    RT = np.array(values["RT"], float).reshape(3, 4)
    u, _, vt = np.linalg.svd(RT[:, :3])  # written with few digits
    width, height = values["imgSize"]
    return Camera(name, int(width), int(height), K, u @ vt, RT[:, 3])


class _Numbers:
    """The numbers of a text file, one after the other."""

    def __init__(self, path: Path):
        self.path, self.at = path, 0
        try:
            self.values = np.array(read_text(path, "numbers").split(), float)
        except ValueError as error:
            raise InputError(f"numbers in {path}", str(error), "take the file as published") from error

    def take(self, *shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        out = self.values[self.at : self.at + count]
        if count < 0 or len(out) != count:
            raise InputError(
                f"{count} more numbers in {self.path}", f"{len(out)}", "take the file as published"
            )
        self.at += count
        return out.reshape(shape)

    def whole(self) -> int:
        return int(self.take(1)[0])


def _truth(path: Path) -> list[dict[int, np.ndarray]]:
    numbers = _Numbers(path)
    joints, frames = numbers.whole(), numbers.whole()
    if joints != TRUTH_JOINTS:
        raise InputError(f"{TRUTH_JOINTS} joints in {path}", f"{joints}", "take the file as published")
    return [
        {numbers.whole(): numbers.take(4, joints)[:3].T for _ in range(numbers.whole())}
        for _ in range(frames)
    ]


def _detections(path: Path, camera: Camera) -> list[list[Candidate]]:
    numbers = _Numbers(path)
    layout, frames = numbers.whole(), numbers.whole()
    if layout != BODY25_TYPE:
        raise InputError(
            f"layout {BODY25_TYPE} (BODY25) in {path}", f"{layout}", "take the file as published"
        )
    out = []
    for _ in range(frames):
        joints = [numbers.take(3, numbers.whole()).T for _ in LAYOUTS["body25"]]
        scores = [numbers.take(len(joints[a]), len(joints[b])) for a, b in _LIMBS]
        people = [_candidate(p, joints, camera) for p in _people(scores) if len(p) >= MIN_JOINTS]
        out.append([p for p in people if p is not None])
    return out


def _people(scores: list[np.ndarray]) -> list[dict[int, int]]:
    """Candidates connected by limbs, {joint: candidate} of each person; nobody gets two candidates of one joint."""
    limbs = sorted(
        ((float(s[i, j]), a, int(i), b, int(j)) for (a, b), s in zip(_LIMBS, scores, strict=True)
         for i, j in zip(*np.nonzero(s > 0), strict=True)), reverse=True)  # fmt: skip
    owner: dict[tuple[int, int], dict[int, int]] = {}
    for _, a, i, b, j in limbs:
        first, second = owner.setdefault((a, i), {a: i}), owner.setdefault((b, j), {b: j})
        if first is not second and not set(first) & set(second):
            first |= second
            owner.update({place: first for place in second.items()})
    return list({id(p): p for p in owner.values()}.values())


def _candidate(person: dict[int, int], joints: list[np.ndarray], camera: Camera) -> Candidate | None:
    """In pixels; None without two of the 17 keypoints."""
    points = np.zeros((len(LAYOUTS["body25"]), 3), np.float32)
    for joint, k in person.items():
        points[joint] = joints[joint][k]
    points[:, :2] = points[:, :2] * (camera.width - 1, camera.height - 1) + 0.5
    keypoints = points[_TO_COCO]
    shown = keypoints[keypoints[:, 2] > 0]
    if len(shown) < 2:
        return None
    (x0, y0), (x1, y1) = shown[:, :2].min(0), shown[:, :2].max(0)
    return Candidate((float(x0), float(y0), float(x1), float(y1)), float(shown[:, 2].mean()), keypoints)
