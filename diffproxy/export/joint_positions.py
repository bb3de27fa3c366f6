"""Joint centres as CSV, with how well each is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.body.names import JOINT_NAMES, NUM_JOINTS
from diffproxy.export.motion import BodyMotion
from diffproxy.utils.io import write_atomic

MM = 1000.0
COLUMNS = ("x_mm", "y_mm", "z_mm", "std_mm", "observed")


def write_joint_positions(path: Path, motion: BodyMotion) -> None:
    """CSV with one row per frame: `frame, time, known`, then `COLUMNS` of each of the 55 joints.

    Positions are in the rig's own world, as in `result.npz`: millimetres, empty where the joint is not `motion.shown`.
    Deviation and support are those of the run's frame nearest in time, empty in frames that are not known.
    """
    frames = len(motion)
    table = np.full((frames, NUM_JOINTS, len(COLUMNS)), np.nan)
    table[..., :3] = MM * motion.joints
    table[~motion.shown, :3] = np.nan
    if motion.joint_std is not None:
        table[..., 3] = MM * motion.joint_std
    if motion.joint_observed is not None:
        table[..., 4] = motion.joint_observed
    table[~motion.known] = np.nan
    lines = [",".join(["frame", "time", "known", *(f"{j}_{c}" for j in JOINT_NAMES for c in COLUMNS)])]
    for row, numbers in enumerate(table.reshape(frames, -1).tolist()):
        fields = ["" if x != x else f"{x:.3f}" for x in numbers]  # x != x: NaN
        start = [str(motion.frame_ids[row]), f"{row / motion.fps:.6f}", str(int(motion.known[row]))]
        lines.append(",".join([*start, *fields]))
    write_atomic(path, ("\n".join(lines) + "\n").encode())
