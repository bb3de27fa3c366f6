"""Readers of skeleton clips stored as npz: joint tables, and the 38-joint exponential-map layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.geometry.rotations import to_matrix
from diffproxy.motion.clip import load_arrays
from diffproxy.motion.skeleton import SkeletonClip
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
    rotvec = data["rotvec"].astype(float)
    if rotvec.ndim != 3 or rotvec.shape[-1] != 3 or not np.isfinite(rotvec).all():
        raise InputError("finite rotvec (F, J, 3)", f"shape {rotvec.shape}", f"check {path}")
    return SkeletonClip(
        tuple(str(n) for n in data["names"]),
        tuple(int(p) for p in data["parents"]),
        data["offsets"].astype(float),
        to_matrix(rotvec),
        data["root"].astype(float),
        float(data["fps"]),
        path.stem,
    )


def read_expmap117(path: Path) -> list[SkeletonClip]:
    """Keys `expmap (F,117), clip (F,), clip_names, parents, offsets (38,3), fps`: one clip per name.

    The rotations are stored for row vectors and are therefore inverted. The first frame of a clip has no root rotation
    in this format and is left out.
    """
    data = load_arrays(path)
    lost = {"expmap", "clip", "clip_names", "parents", "offsets", "fps"} - data.keys()
    if (
        lost
        or data["expmap"].ndim != 2
        or data["expmap"].shape[1] != 117
        or not np.isfinite(data["expmap"]).all()
    ):
        raise InputError(
            "expmap (F, 117) with clip names and skeleton", f"{path} lacks {sorted(lost)}", "check it"
        )
    clips = []
    for number, name in enumerate(data["clip_names"]):
        rows = data["expmap"][data["clip"] == number][1:].astype(float)
        if len(rows) == 0:
            continue
        rotations = to_matrix(rows[:, 3:].reshape(-1, 38, 3)).swapaxes(-1, -2)
        parents = tuple(int(p) for p in data["parents"])
        offsets = data["offsets"].astype(float)
        clips.append(
            SkeletonClip(
                EXPMAP38, parents, offsets, rotations, rows[:, :3], float(data["fps"]), f"expmap/{name}"
            )
        )
    return clips
