"""Kalibr's camchain YAML: a chain of cameras, each posed against the one before."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.cameras.formats._build import OPENCV_PIXELS, entry, make_camera, make_rig, pinhole, refuse_lens
from diffproxy.cameras.formats._files import contents, only_like
from diffproxy.cameras.formats._yaml import read_yaml, shaped
from diffproxy.cameras.lens import Lens
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError

NAME = "Kalibr camchain"
PRIORITY = 50
DISTORTIONS: dict[str, Lens] = {
    "radtan": "opencv",
    "none": "opencv",
    "equidistant": "fisheye",
    "equi": "fisheye",
}


def find(folder: Path) -> Path | None:
    return only_like(folder, ".yaml", is_format, NAME) or only_like(folder, ".yml", is_format, NAME)


def is_format(path: Path) -> bool:
    ending = path.suffix.lower()
    data = contents(path, ending, read_yaml) if ending in (".yaml", ".yml") else None
    return any(
        isinstance(v, dict) and {"distortion_model", "intrinsics"} <= set(v) for v in (data or {}).values()
    )


def read(path: Path) -> Rig:
    """Read cam0, cam1, ...: the world is the frame of cam0, in metres; T_cn_cnm1 leads from the camera before."""
    data = read_yaml(path)
    chain = sorted((k for k, v in data.items() if isinstance(v, dict) and "intrinsics" in v), key=_number)
    T_cam_world, cameras = np.eye(4), []
    for place, name in enumerate(chain):
        part, what = data[name], f"{name} in {path.name}"
        model, bend = str(part.get("camera_model", "pinhole")), str(part.get("distortion_model", "none"))
        if model != "pinhole" or bend not in DISTORTIONS:
            raise refuse_lens(f"Kalibr's {model}-{bend}", what, "pinhole with " + ", ".join(DISTORTIONS))
        if place:
            step = shaped(entry(part, "T_cn_cnm1", what), (4, 4), f"T_cn_cnm1 of {what}")
            T_cam_world = step @ T_cam_world
        K = pinhole(*shaped(part["intrinsics"], (4,), f"intrinsics of {what}"))
        distortion = [] if bend == "none" else entry(part, "distortion_coeffs", what)
        size = entry(part, "resolution", what)
        R, t = T_cam_world[:3, :3], T_cam_world[:3, 3]
        cameras.append(make_camera(name, what, size, K, R, t, distortion, lens=DISTORTIONS[bend]))
    return make_rig(
        path, cameras, None, [f"Kalibr: {OPENCV_PIXELS}; the world is the frame of {chain[0]}, metres"]
    )


def _number(name: str) -> int:
    digits = "".join(c for c in name if c.isdigit())
    if not digits:
        raise InputError("cameras named cam0, cam1, ... in a camchain", f"{name!r}", "rename it")
    return int(digits)
