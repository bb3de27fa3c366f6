"""Readers of skeleton clips stored as npz: joint tables, and the 38-joint exponential-map layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from diffproxy.geometry.rotations import to_matrix
from diffproxy.motion.clip import frame_rate, load_arrays
from diffproxy.motion.skeleton import SkeletonClip
from diffproxy.utils.bounded_arrays import as_numbers
from diffproxy.utils.errors import InputError

# Joint names for the 117-column layout of CMU clips (root translation, then 38 rotations); "-" marks ends.
_EXPMAP38 = """
root lhipjoint lfemur ltibia lfoot ltoes - rhipjoint rfemur rtibia rfoot rtoes -
lowerback upperback thorax lowerneck upperneck head -
lclavicle lhumerus lradius lwrist lhand lfingers - lthumb -
rclavicle rhumerus rradius rwrist rhand rfingers - rthumb -
"""
EXPMAP38 = tuple(name if name != "-" else f"end{i}" for i, name in enumerate(_EXPMAP38.split()))


def read_skeleton_npz(path: Path) -> SkeletonClip:
    """Keys `names, parents, offsets (J,3), root (F,3), rotvec (F,J,3) radians, fps`, optional `source`."""
    data = load_arrays(path)
    lost = {"names", "parents", "offsets", "root", "rotvec", "fps"} - data.keys()
    if lost:
        raise InputError(
            "names, parents, offsets, root, rotvec, fps", f"{path} without {sorted(lost)}", "add them"
        )
    joints = data["names"].size
    rotvec = _numbers(data, "rotvec", (None, joints, 3), path)
    return SkeletonClip(
        tuple(str(n) for n in data["names"].ravel()),
        _parents(data, joints, path),
        _numbers(data, "offsets", (joints, 3), path),
        to_matrix(rotvec),
        _numbers(data, "root", (len(rotvec), 3), path),
        frame_rate(data["fps"], path),
        path.stem,
    )


def _numbers(
    data: Mapping[str, np.ndarray], name: str, shape: tuple[int | None, ...], path: Path
) -> np.ndarray:
    return as_numbers(data[name], shape, f"{name} in {path}", "export again")


def _parents(data: Mapping[str, np.ndarray], joints: int, path: Path) -> tuple[int, ...]:
    return tuple(int(p) for p in _numbers(data, "parents", (joints,), path))


def read_expmap117(path: Path) -> list[SkeletonClip]:
    """Keys `expmap (F,117), clip (F,), clip_names, parents, offsets (38,3), fps`: one clip per name.

    The rotations are stored for row vectors and are therefore inverted. The first frame of a clip has no root rotation
    in this format and is left out.
    """
    data = load_arrays(path)
    lost = {"expmap", "clip", "clip_names", "parents", "offsets", "fps"} - data.keys()
    if lost:
        raise InputError(
            "expmap (F, 117) with clip names and skeleton", f"{path} lacks {sorted(lost)}", "check it"
        )
    expmap = _numbers(data, "expmap", (None, 117), path)
    clip = _numbers(data, "clip", (len(expmap),), path)
    parents, fps = _parents(data, 38, path), frame_rate(data["fps"], path)
    offsets = _numbers(data, "offsets", (38, 3), path)
    clips = []
    for number, name in enumerate(data["clip_names"].ravel()):
        rows = expmap[clip == number][1:]
        if len(rows) == 0:
            continue
        rotations = to_matrix(rows[:, 3:].reshape(-1, 38, 3)).swapaxes(-1, -2)
        source = f"expmap/{name}"
        clips.append(SkeletonClip(EXPMAP38, parents, offsets, rotations, rows[:, :3], fps, source))
    return clips
