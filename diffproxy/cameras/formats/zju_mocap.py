"""ZJU-MoCap `annots.npy`: a pickled dictionary, read without running anything in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.cameras.formats._build import OPENCV_PIXELS, entry, make_camera, make_rig
from diffproxy.cameras.formats._files import only_one
from diffproxy.cameras.formats._images import camera_names
from diffproxy.cameras.rig import Rig
from diffproxy.utils.bounded_files import Limits, regular_file
from diffproxy.utils.errors import InputError
from diffproxy.utils.unpickle import UNREADABLE, RestrictedUnpickler

NAME = "ZJU-MoCap annots.npy"
PRIORITY = 50


def find(folder: Path) -> Path | None:
    return only_one(folder.glob("annots.npy"), folder, NAME)


def is_format(path: Path) -> bool:
    return path.name == "annots.npy"


def read(path: Path) -> Rig:
    """Read cams {K, D, R, T}: x_cam = R x_world + T, millimetres to metres; names from the images' folders.

    The restricted reader builds numpy arrays and plain containers only and refuses anything else by name.
    """
    data = _load(path)
    cams = entry(data, "cams", path.name)
    K, D, R, T = (entry(cams, key, path.name) for key in "KDRT")
    if not len(K) == len(D) == len(R) == len(T):
        raise InputError(
            f"equally many K, D, R, T in {path}", f"{[len(v) for v in (K, D, R, T)]}", "copy it again"
        )
    names = [f"{i}" for i in range(len(K))]
    images = data.get("ims") or []
    if images and isinstance(images[0], dict) and len(images[0].get("ims", [])) == len(K):
        names = camera_names([str(p) for p in images[0]["ims"]])
    notes = [f"ZJU-MoCap: mm became metres; {OPENCV_PIXELS}; read without running the pickle"]
    cameras = []
    for name, k, d, r, t in zip(names, K, D, R, T, strict=True):
        what = f"camera {name} in {path.name}"
        k, d, r, t = (np.asarray(v, dtype=np.float64) for v in (k, d, r, t))
        cameras.append(make_camera(name, what, None, k, r, t, d, metres=0.001, root=path.parent, notes=notes))
    return make_rig(path, cameras, None, notes)


def _load(path: Path) -> dict:
    regular_file(path, NAME, Limits.CALIBRATION_BYTES)
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            _, _, dtype = header(file)
            if dtype != np.dtype(object):
                raise InputError(f"a dictionary in {path}", f"an array of {dtype}", "name another file")
            array = RestrictedUnpickler(file, encoding="latin1").load()
        data = array.item()
    except UNREADABLE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"a dictionary of plain arrays in {path}", f"{error}", "copy the file again"
        ) from error
    if not isinstance(data, dict):
        raise InputError(f"a dictionary in {path}", type(data).__name__, "copy the file again")
    return data
