"""Human3.6M camera parameters as JSON: `intrinsics` of each camera, `extrinsics` of each subject and camera."""

from __future__ import annotations

from pathlib import Path

from diffproxy.cameras.formats._build import OPENCV_PIXELS, entry, make_camera, make_rig
from diffproxy.cameras.formats._files import contents, only_like, read_json
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError

NAME = "Human3.6M JSON"
PRIORITY = 50


def find(folder: Path) -> Path | None:
    return only_like(folder, ".json", is_format, NAME)


def is_format(path: Path) -> bool:
    data = contents(path, ".json", read_json)
    intrinsics = data.get("intrinsics") if isinstance(data, dict) else None
    return (
        isinstance(intrinsics, dict)
        and bool(intrinsics)
        and "extrinsics" in data
        and all(isinstance(c, dict) and "calibration_matrix" in c for c in intrinsics.values())
    )


def read(path: Path) -> Rig:
    """Read the cameras of the one subject in the file: x_cam = R x_world + t, millimetres to metres."""
    data = read_json(path)
    subjects = data["extrinsics"]
    # the subject whose images are in the folder stands in its name, e.g. S9 or S9_Walking
    chosen = [s for s in subjects if s in path.resolve().parent.name.split("_")] or list(subjects)
    if len(chosen) != 1:
        raise InputError(
            f"one subject in {path}",
            f"{', '.join(chosen) or 'none'}",
            "keep one entry of `extrinsics`, or name the folder after the subject (S9)",
        )
    notes = [f"Human3.6M: subject {chosen[0]}; mm became metres; {OPENCV_PIXELS}"]
    cameras = []
    for name, pose in subjects[chosen[0]].items():
        what = f"camera {name} in {path.name}"
        lens = entry(data["intrinsics"], name, path.name)
        R, t = entry(pose, "R", what), entry(pose, "t", what)
        K, d = lens["calibration_matrix"], lens.get("distortion", [])
        cameras.append(
            make_camera(name, what, lens.get("size"), K, R, t, d, metres=0.001, root=path.parent, notes=notes)
        )
    return make_rig(path, cameras, None, notes)
