"""Calibration JSON of 4D-Association: a mapping of cameras to K, RT and imgSize."""

from __future__ import annotations

from pathlib import Path

from diffproxy.cameras.formats._build import OPENCV_PIXELS, make_camera, make_rig
from diffproxy.cameras.formats._files import contents, only_like, read_json
from diffproxy.cameras.formats._yaml import shaped
from diffproxy.cameras.rig import Rig

NAME = "4D-Association JSON"
PRIORITY = 50


def find(folder: Path) -> Path | None:
    return only_like(folder, ".json", is_format, NAME)


def is_format(path: Path) -> bool:
    data = contents(path, ".json", read_json)
    return (
        isinstance(data, dict)
        and bool(data)
        and all(isinstance(c, dict) and {"K", "RT", "imgSize"} <= set(c) for c in data.values())
    )


def read(path: Path) -> Rig:
    """Read K (9 numbers), RT (3x4 row by row, x_cam = R x_world + t, metres) and imgSize of each camera."""
    cameras = []
    for name, c in read_json(path).items():
        what = f"camera {name} in {path.name}"
        RT = shaped(c["RT"], (3, 4), f"RT of {what}")
        cameras.append(
            make_camera(name, what, c["imgSize"], c["K"], RT[:, :3], RT[:, 3], c.get("distCoeff", []))
        )
    return make_rig(path, cameras, None, [f"4D-Association: metres; {OPENCV_PIXELS}"])
