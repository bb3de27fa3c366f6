"""Readers of free hand poses; each returns right-hand SMPL-X poses relative to the flat hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from diffproxy.motion.hand_directions import FINGERS, calibrate, hand_pose, palm_axes
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError

HandPoses = dict[str, np.ndarray]  # name -> (45,)
DAMAGE = (ValueError, KeyError, TypeError, IndexError, AttributeError)  # of JSON of another content

# First joint of each finger's three bones in the 25-joint WebXR order (wrist 0; thumb 1-4; then five per finger).
_WEBXR = {"thumb": 1, "index": 6, "middle": 11, "ring": 16, "pinky": 21}
# its flat hand is relaxed: taken as straight, open hands would be hyperextended
FLAT_BEND_HANDYJS = np.radians(8.0)


def read_godot_hands(path: Path) -> HandPoses:
    """JSON of posed bone heads and tails (OpenXR names), right side."""
    try:
        poses = read_json(path, "hand poses")["right"]["poses"]
        points = {name: _godot_joints(pose["head"], pose["tail"]) for name, pose in poses.items()}
        return _convert(points, _WEBXR, "Straight")
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError("hand poses with heads and tails", f"{path}: {error!r}", "check the file") from error


def read_handyjs(path: Path) -> HandPoses:
    """JSON list of poses with 25 joint positions (mm, WebXR order); the right hand is read."""
    try:
        poses = [p for p in read_json(path, "hand poses") if p["handedness"] == "right"]
        points = {p["names"][0]: np.array(p["jointPositions"], float) for p in poses}
        return _convert(points, _WEBXR, "flat", FLAT_BEND_HANDYJS)
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError("a list of poses of 25 positions", f"{path}: {error!r}", "check the file") from error


def read_handy_work(folder: Path) -> HandPoses:
    """`*.handpose`: a count, then 25 column-major 4x4 matrices of the left hand (WebXR order), read as a right hand."""
    points = {}
    for path in sorted(folder.glob("*.handpose")):
        values = np.fromfile(path, "<f4")
        if len(values) < 401 or values[0] != 25 or not np.isfinite(values[:401]).all():
            raise InputError(
                "a count of 25 and 25 matrices", f"{len(values)} numbers in {path}", "check the file"
            )
        left = values[1:401].reshape(25, 4, 4)[:, 3, :3].astype(float)
        points[path.stem] = left * np.array([-1.0, 1.0, 1.0])
    if "flat" not in points:
        raise InputError("a file flat.handpose", f"{sorted(points)} in {folder}", "give the whole folder")
    return _convert(points, _WEBXR, "flat")


def _convert(points: dict[str, ndarray], first: dict[str, int], flat: str, bend: float = 0.0) -> HandPoses:
    turn = calibrate(_directions(points[flat], first), bend)
    return {name: hand_pose(_directions(p, first) @ turn.T) for name, p in points.items()}


def _directions(points: ndarray, first: dict[str, int]) -> Float[ndarray, "5 3 3"]:
    if (
        points.shape != (len(points), 3)
        or len(points) <= max(first.values()) + 3
        or not np.isfinite(points).all()
    ):
        raise ValueError(f"joint positions of shape {points.shape}")
    axes = palm_axes(points[0], points[first["index"]], points[first["middle"]], points[first["pinky"]])
    bones = np.stack([np.diff(points[first[f] : first[f] + 4], axis=0) for f in FINGERS])
    length = np.linalg.norm(bones, axis=-1, keepdims=True)
    if (length < 1e-9).any():
        raise ValueError("a finger bone of no length")
    return (bones / length) @ axes.T


def _godot_joints(head: dict[str, list], tail: dict[str, list]) -> Float[ndarray, "25 3"]:
    """The 25 WebXR points; the end of each distal bone is its tail."""
    points = np.zeros((25, 3))
    points[0] = head["Wrist_R"]
    for finger, first in _WEBXR.items():
        word = {"pinky": "Little"}.get(finger, finger.capitalize())
        bones = (
            ("Metacarpal", "Proximal", "Distal")
            if finger == "thumb"
            else ("Proximal", "Intermediate", "Distal")
        )
        for k, bone in enumerate(bones):
            points[first + k] = head[f"{word}_{bone}_R"]
        points[first + 3] = tail[f"{word}_Distal_R"]
    return points
