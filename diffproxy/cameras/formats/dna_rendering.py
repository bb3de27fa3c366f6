"""DNA-Rendering and RenderMe `.smc` (HDF5; needs the extra `smc`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.cameras.formats._build import OPENCV_PIXELS, inverse_pose, make_camera, make_rig
from diffproxy.cameras.formats._files import only_one
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError
from diffproxy.utils.extras import require_extra

NAME = "DNA-Rendering .smc"
PRIORITY = 50
SIZES = {"Camera_5mp": (2448, 2048), "Camera_12mp": (4096, 3000)}  # where the file does not say


def find(folder: Path) -> Path | None:
    """The one .smc file, or of DNA-Rendering's pair the one with the cameras (`*_annots.smc`)."""
    files = sorted(folder.glob("*.smc"))
    return only_one([p for p in files if p.stem.endswith("_annots")] or files, folder, NAME)


def is_format(path: Path) -> bool:
    return path.suffix.lower() == ".smc"


def read(path: Path) -> Rig:
    """Read Camera_Parameter/<id>/{K, D, RT}: RT is the pose of the camera in the world, in metres."""
    require_extra("h5py", "smc")
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return _read(file, path)
    except OSError as error:
        raise InputError(f"an HDF5 file in {path}", f"{error}", "copy it again") from error


def _read(file, path: Path) -> Rig:
    if "Camera_Parameter" not in file:
        known = (
            "HuMMan's layout (Extrinsics), which is not read" if "Extrinsics" in file else f"{sorted(file)}"
        )
        raise InputError(f"Camera_Parameter in {path}", known, "convert its cameras to rig.json")
    notes = [f"DNA-Rendering: poses of the cameras inverted; metres; {OPENCV_PIXELS}"]
    cameras = []
    group = file["Camera_Parameter"]
    for name in sorted(group, key=lambda n: (len(n), n)):
        what = f"camera {name} in {path.name}"
        missing = {"K", "D", "RT"} - set(group[name])
        if missing:
            raise InputError(f"K, D and RT of {what}", f"no {sorted(missing)}", "copy the file again")
        K, D, RT = (np.asarray(group[name][key], dtype=np.float64) for key in ("K", "D", "RT"))
        R, t = inverse_pose(RT)
        size = _size(file, name)
        cameras.append(make_camera(name, what, size, K, R, t, D, root=path.parent, notes=notes))
    return make_rig(path, cameras, None, notes)


def _size(file, name: str) -> tuple[int, int] | None:
    for group, usual in SIZES.items():
        if group in file and name in file[group]:
            height, width = file[group].attrs.get("resolution", usual[::-1])
            return int(width), int(height)
    return None
