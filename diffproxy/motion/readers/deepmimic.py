"""Reader of DeepMimic motion files (JSON text, humanoid of 15 bodies)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.geometry.rotations import from_quaternion, to_matrix
from diffproxy.motion.skeleton import SkeletonClip
from diffproxy.utils.bounded_arrays import as_numbers
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError

# Joint, parent, offset (metres; the figure faces +x, arms hanging), number of values in the file. Lengths are those
# of the humanoid of these files; knees and elbows rotate about z only.
_JOINTS: tuple[tuple[str, int, tuple[float, float, float], int], ...] = (
    ("root", -1, (0.0, 0.0, 0.0), 4),
    ("chest", 0, (0.0, 0.236, 0.0), 4),
    ("neck", 1, (0.0, 0.224, 0.0), 4),
    ("right_hip", 0, (0.0, 0.0, 0.085), 4),
    ("right_knee", 3, (0.0, -0.422, 0.0), 1),
    ("right_ankle", 4, (0.0, -0.410, 0.0), 4),
    ("right_shoulder", 1, (-0.024, 0.244, 0.183), 4),
    ("right_elbow", 6, (0.0, -0.275, 0.0), 1),
    ("left_hip", 0, (0.0, 0.0, -0.085), 4),
    ("left_knee", 8, (0.0, -0.422, 0.0), 1),
    ("left_ankle", 9, (0.0, -0.410, 0.0), 4),
    ("left_shoulder", 1, (-0.024, 0.244, -0.183), 4),
    ("left_elbow", 11, (0.0, -0.275, 0.0), 1),
    ("right_wrist", 7, (0.0, -0.259, 0.0), 0),
    ("left_wrist", 12, (0.0, -0.259, 0.0), 0),
)
_WIDTH = 4 + sum(count for *_, count in _JOINTS)  # duration, root position, joint values


def read_deepmimic(path: Path) -> SkeletonClip:
    """Rows of 44 values: duration (s), root position (m), root quaternion (w x y z), joints; InputError otherwise."""
    try:
        table = read_json(path, "a DeepMimic motion")["Frames"]
    except (KeyError, TypeError) as error:
        raise InputError("JSON with a table 'Frames'", f"{path}: {error}", "check the file") from error
    rows = as_numbers(table, (None, _WIDTH), f"'Frames' in {path}", "check the file")
    # the last frame has no frame after it, and some files state a duration of 0 for it
    if not len(rows) or (rows[:-1, 0] <= 0).any() or rows[0, 0] <= 0:
        raise InputError(
            f"durations above zero in {path}", f"{rows[:, 0].min(initial=0):g}", "check the file"
        )
    rotations = np.broadcast_to(np.eye(3), (len(rows), len(_JOINTS), 3, 3)).copy()
    column = 4
    for joint, (_, _, _, count) in enumerate(_JOINTS):
        if count == 4:
            quat = rows[:, column : column + 4]
            if (np.linalg.norm(quat, axis=1) < 0.5).any():
                raise InputError("unit quaternions", "one of length near zero", f"check {path}")
            rotations[:, joint] = from_quaternion(quat)
        elif count == 1:
            rotations[:, joint] = to_matrix(rows[:, column, None] * np.array([0.0, 0.0, 1.0]))
        column += count
    return SkeletonClip(
        tuple(j[0] for j in _JOINTS),
        tuple(j[1] for j in _JOINTS),
        np.array([j[2] for j in _JOINTS]),
        rotations,
        rows[:, 1:4],
        1.0 / float(rows[0, 0]),
        path.stem,
    )
