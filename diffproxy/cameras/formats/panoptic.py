"""CMU Panoptic Studio calibration JSON."""

from __future__ import annotations

from pathlib import Path

from diffproxy.cameras.formats._build import OPENCV_PIXELS, entry, make_camera, make_rig
from diffproxy.cameras.formats._files import contents, only_like, read_json
from diffproxy.cameras.rig import Rig

NAME = "CMU Panoptic JSON"
PRIORITY = 50


def find(folder: Path) -> Path | None:
    return only_like(folder, ".json", is_format, NAME)


def is_format(path: Path) -> bool:
    data = contents(path, ".json", read_json)
    cameras = data.get("cameras") if isinstance(data, dict) else None
    return (
        isinstance(cameras, list)
        and bool(cameras)
        and all(isinstance(c, dict) and {"distCoef", "resolution"} <= set(c) for c in cameras)
    )


def read(path: Path) -> Rig:
    """Read the HD cameras, or all if there are none: x_cam = R x_world + t, centimetres to metres."""
    entries = read_json(path)["cameras"]
    hd = [c for c in entries if c.get("type") == "hd"]
    notes = [f"Panoptic: cm became metres; {OPENCV_PIXELS}"]
    if hd and len(hd) < len(entries):
        notes.append(f"Panoptic: {len(entries) - len(hd)} cameras of other types than hd left out")
    cameras = []
    for c in hd or entries:
        name = str(entry(c, "name", f"a camera in {path.name}"))
        what = f"camera {name} in {path.name}"
        K, R, t = (entry(c, key, what) for key in ("K", "R", "t"))
        cameras.append(make_camera(name, what, c["resolution"], K, R, t, c["distCoef"], metres=0.01))
    return make_rig(path, cameras, None, notes)
