"""Errors between two calibrations of the same cameras, after aligning their worlds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.geometry.procrustes import Similarity, align_frames
from diffproxy.geometry.rotations import rotation_angle
from diffproxy.utils.errors import InputError


def align_rigs(source: Sequence[Camera], target: Sequence[Camera], with_scale: bool) -> Similarity:
    """The similarity (rigid without scale) from the world of `source` to that of `target`; see `align_frames`."""
    R_source, R_target = (np.stack([c.R_cam_world for c in rig]) for rig in (source, target))
    centers_source, centers_target = (np.stack([c.center_world for c in rig]) for rig in (source, target))
    return align_frames(R_source, centers_source, R_target, centers_target, with_scale)


def compare_rigs(found: Sequence[Camera], true: Sequence[Camera]) -> dict[str, float]:
    """Worst camera's rotation (degrees) and position (mm) errors, rigidly and up to scale; and the scale's own error.

    Cameras are matched by order. InputError unless there are as many.
    """
    if len(found) != len(true):
        raise InputError(f"{len(true)} cameras", f"{len(found)}", "compare rigs of the same cameras")
    rigid_motion, similarity = (align_rigs(found, true, with_scale) for with_scale in (False, True))
    s = float(similarity.scale)
    turn, rigid, similar = [], [], []
    for x, y in zip(found, true, strict=True):
        E = x.R_cam_world @ similarity.R.T
        turn.append(np.degrees(rotation_angle(E, y.R_cam_world)))
        rigid.append(np.linalg.norm(rigid_motion.apply(x.center_world[None])[0] - y.center_world))
        similar.append(np.linalg.norm(similarity.apply(x.center_world[None])[0] - y.center_world))
    return {
        "rigid_deg": float(max(turn)),
        "mean_deg": float(np.mean(turn)),
        "rigid_mm": 1000 * float(max(rigid)),
        "up_to_scale_mm": 1000 * float(max(similar)),
        "mean_up_to_scale_mm": 1000 * float(np.mean(similar)),
        "scale_percent": 100 * (1 / s - 1) if s > 0 else float("inf"),
    }
