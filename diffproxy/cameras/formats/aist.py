"""AIST++ camera settings: a JSON list of cameras with the keys of aniposelib."""

from __future__ import annotations

from pathlib import Path

from diffproxy.cameras.formats._build import OPENCV_PIXELS, entry, make_camera, make_rig
from diffproxy.cameras.formats._files import contents, only_like, read_json
from diffproxy.cameras.rig import Rig

NAME = "AIST++ JSON"
PRIORITY = 50
CENTIMETRES_FROM = 50.0  # a camera stands that many units from the origin or more: no studio has 50 m
NEEDED = {"name", "size", "matrix", "rotation", "translation"}


def find(folder: Path) -> Path | None:
    return only_like(folder, ".json", is_format, NAME)


def is_format(path: Path) -> bool:
    data = contents(path, ".json", read_json)
    return (
        isinstance(data, list) and bool(data) and all(isinstance(c, dict) and set(c) >= NEEDED for c in data)
    )


def read(path: Path) -> Rig:
    """Read each camera: x_cam = R x_world + t, R as Rodrigues vector. The file states no unit.

    AIST++'s own settings place cameras hundreds of units away and its bodies are SMPL times about 94, which only
    centimetres explain; lists with smaller numbers are taken as metres.
    """
    data = read_json(path)
    numbers = [c for c in data if max(abs(float(v)) for v in c["translation"]) >= CENTIMETRES_FROM]
    metres = 0.01 if len(numbers) * 2 > len(data) else 1.0
    unit = "centimetres" if metres == 0.01 else "metres"
    notes = [f"AIST++: no unit in the file, taken as {unit} by the distances; {OPENCV_PIXELS}"]
    cameras = []
    for c in data:
        what = f"camera {c['name']} in {path.name}"
        d = c.get("distortions", [])
        R, t = entry(c, "rotation", what), entry(c, "translation", what)
        cameras.append(make_camera(str(c["name"]), what, c["size"], c["matrix"], R, t, d, metres=metres))
    return make_rig(path, cameras, None, notes)
