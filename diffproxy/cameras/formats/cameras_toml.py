"""TOML with one table a camera, as Pose2Sim, aniposelib, FreeMoCap and Caliscope write it; written as Pose2Sim does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.cameras.formats._build import OPENCV_PIXELS, entry, make_camera, make_rig, refuse_writing
from diffproxy.cameras.formats._files import contents, only_like, read_toml
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

NAME = "Pose2Sim/aniposelib/FreeMoCap/Caliscope TOML"
PRIORITY = 50
WRITES = "pose2sim"
WRITES_TO = "Calib_scene.toml"
FREEMOCAP_KEYS = {"board", "charuco_square_size", "path_to_recorded_videos", "groundplane_calibration"}


def find(folder: Path) -> Path | None:
    return only_like(folder, ".toml", is_format, NAME)


def is_format(path: Path) -> bool:
    return bool(_tables(contents(path, ".toml", read_toml)))


def read(path: Path) -> Rig:
    """Read every table with `matrix`, `rotation` and `translation`; x_cam = R x_world + t, R as Rodrigues vector.

    FreeMoCap's lengths are millimetres, those of Pose2Sim and Caliscope metres; aniposelib keeps the unit of the
    board, which the file does not state: they are taken as metres. Cameras of Caliscope without a pose are left out.
    """
    data = read_toml(path)
    tables = _tables(data)
    if not tables:
        raise InputError(
            f"tables with matrix and rotation in {path}", f"{sorted(data)[:12]}", "calibrate again"
        )
    tool, metres = _tool(data, tables)
    notes = [f"{tool}: {OPENCV_PIXELS}"]
    if tool == "FreeMoCap":
        notes.append("FreeMoCap: millimetres became metres")
    if tool == "aniposelib":
        notes.append(
            "aniposelib: the file states no unit (it is that of the board); taken as metres. "
            "`convert PATH units=mm` changes it"
        )
    posed = {k: v for k, v in tables.items() if "rotation" in v and "translation" in v}
    if len(posed) < len(tables):
        notes.append(f"{tool}: no pose, left out: {', '.join(sorted(set(tables) - set(posed)))}")
    cameras = []
    for key, table in posed.items():
        what = f"camera {key} in {path.name}"
        if table.get("rotation_count"):
            notes.append(
                f"{tool}: {key} was calibrated on images turned by {table['rotation_count']} quarter turns; "
                "the images used here must be turned likewise"
            )
        distortion = table.get("distortions", [])
        cameras.append(
            make_camera(
                str(table.get("name", f"cam_{key}" if key.isdigit() else key)),
                what,
                entry(table, "size" if "size" in table else "image_size", what),
                entry(table, "matrix", what),
                table["rotation"],
                table["translation"],
                distortion[:4] if table.get("fisheye") else distortion,  # some write a fifth, which is zero
                metres=metres,
                lens="fisheye" if table.get("fisheye") else "opencv",
            )
        )
        if table.get("fisheye") and np.any(distortion[4:]):
            raise InputError(f"4 fisheye coefficients of {what}", f"{distortion}", "calibrate again")
    return make_rig(path, cameras, None, notes)


def _tables(data) -> dict[str, dict]:
    if not isinstance(data, dict):
        return {}
    inside = data["cameras"] if isinstance(data.get("cameras"), dict) else data
    return {k: v for k, v in inside.items() if isinstance(v, dict) and "matrix" in v}


def _tool(data: dict, tables: dict[str, dict]) -> tuple[str, float]:
    """Name of the program that wrote the file, and metres in its unit of length."""
    if "cameras" in data:
        return "Caliscope", 1.0
    metadata = data.get("metadata", {})
    if FREEMOCAP_KEYS & set(metadata) or any("world_orientation" in t for t in tables.values()):
        return "FreeMoCap", 0.001
    if all("fisheye" in t and len(t.get("distortions", [])) == 4 for t in tables.values()):
        return "Pose2Sim", 1.0
    return "aniposelib", 1.0


def write(rig: Rig, path: Path) -> None:
    """Write `rig` for Pose2Sim: metres, principal points as OpenCV counts them. InputError on a pixel_grid."""
    import cv2

    refuse_writing(rig, "Pose2Sim's TOML", most=5, skew=True)
    lines = []
    for number, c in enumerate(rig.cameras):
        K = c.K.copy()
        K[:2, 2] -= 0.5
        d = np.pad(c.distortion, (0, max(0, 4 - c.distortion.size)))
        lines += [
            f"[cam_{number:02d}]",
            f'name = "{c.name}"',
            f"size = [{float(c.width)}, {float(c.height)}]",
            f"matrix = {K.tolist()}",
            f"distortions = {d.tolist()}",
            f"rotation = {cv2.Rodrigues(c.R_cam_world)[0].ravel().tolist()}",
            f"translation = {c.t_cam_world.tolist()}",
            f"fisheye = {str(c.lens == 'fisheye').lower()}",
            "",
        ]
    lines += ["[metadata]", "adjusted = false", "error = 0.0", ""]
    write_atomic(path, "\n".join(lines).encode())
