"""What a calibration leaves on disk: rig.json, and beside it the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffproxy.calibration.config import Calibration
from diffproxy.calibration.report import CameraReport, camera_doubts
from diffproxy.cameras import Camera, Rig, save_rig
from diffproxy.cameras.predicted import field_of_view
from diffproxy.pipeline.solved_calibration import report_path
from diffproxy.utils.io import write_atomic


def solved_rig(rig: Rig, start: Sequence[Camera], found: Calibration, note: str, up_axis: str) -> Rig:
    """The rig with its solved cameras: of the undistorted images if it came without lens, else with its lens.

    Poses are those of the camera itself, so they hold for the calibrated image and its undistorted version alike; a new
    focal length scales the lens' own.

    Args:
        rig: The cameras as read or guessed.
        start: Their pinhole cameras, which `found` started from.
        found: Poses and focal lengths.
        note: How they were found.
        up_axis: Of the new world.
    """
    cameras = []
    for old, before, new in zip(rig.cameras, start, found.cameras, strict=True):
        K = old.K.copy()
        K[:2, :2] *= new.K[0, 0] / before.K[0, 0]
        cameras.append(replace(old, K=K, R_cam_world=new.R_cam_world, t_cam_world=new.t_cam_world))
    notes, doubts = [*rig.notes, note], camera_doubts(found.reports)
    return replace(rig, cameras=tuple(cameras), up_axis=up_axis, notes=notes, doubts=doubts)


def focal_note(camera: Camera, report: CameraReport) -> str:
    """What is known of a focal length that all cameras share up to the size of their images.

    Args:
        camera: One of the solved cameras.
        report: Its standard deviations.
    """
    return (
        f"one field of view estimated for all cameras: {field_of_view(camera):.0f} degrees along the longer side"
        f" ({camera.name}: focal length {camera.K[0, 0]:.0f} px, standard deviation {report.focal_std_percent:.0f} %)"
    )


def save_calibration(
    path: Path,
    rig: Rig,
    found: Calibration,
    frame_ids: Sequence[int],
    scale: str,
    notes: Sequence[str],
    **more: Any,
) -> None:
    """Write the report (docs/calibration.md), and then the rig.

    Args:
        path: Of the rig; the report lies beside it.
        rig: The solved rig.
        found: What its cameras were solved with.
        frame_ids: Numbers of the frames.
        scale: How its size was found, in words.
        notes: Further notes.
        **more: Further entries of the report.
    """
    report: dict[str, Any] = {
        "frames": list(frame_ids),
        "person_height_m": round(found.height, 4),
        "proxy_noise_mm": round(1000 * found.sigma, 2),
        "scale": scale,
        "notes": [*notes, *found.notes],
        "cameras": [r.to_json() for r in found.reports],
        "doubts": rig.doubts,
        **more,
    }
    write_atomic(report_path(path), (json.dumps(report, indent=1) + "\n").encode())
    save_rig(rig, path)
