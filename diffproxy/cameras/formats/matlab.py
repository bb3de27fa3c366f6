"""MATLAB .mat: stereo pairs and single cameras, of the Computer Vision Toolbox and of Bouguet's toolbox."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats._build import entry, make_camera, make_rig, pinhole
from diffproxy.cameras.formats._matlab_file import TO_STRUCT, load
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError

NAME = "MATLAB .mat (stereo, single)"
PRIORITY = 30
UNITS = {"mm": 0.001, "millimeters": 0.001, "cm": 0.01, "centimeters": 0.01, "m": 1.0, "meters": 1.0}
UNITS |= {"in": 0.0254, "inches": 0.0254}


def find(folder: Path) -> Path | None:
    """A .mat file; the folder itself if there are several (one camera each)."""
    files = sorted(folder.glob("*.mat"))
    return None if not files else files[0] if len(files) == 1 else folder


def is_format(path: Path) -> bool:
    return path.suffix.lower() == ".mat"


def read(path: Path) -> Rig:
    """Read one file (a stereo pair or one camera), or all .mat files of a folder (one camera each).

    Structures come from `toStruct(stereoParams)` or `toStruct(cameraParams)`: MATLAB's matrices multiply row vectors
    and are transposed, its first pixel has the centre (1, 1). A single camera is posed by its first pattern. Bouguet's
    toolbox: fc, cc, alpha_c, kc, nx, ny with om/R and T (stereo) or Rc_ext, Tc_ext or Rc_1, Tc_1 (single).
    The world of a pair is the frame of its first camera. Lengths are in WorldUnits; millimetres without one.
    """
    notes: list[str] = []
    if path.is_dir():
        cameras = [_single(load(p), p.stem, p, notes) for p in sorted(path.glob("*.mat"))]
    else:
        data = load(path)
        pair = _stereo_struct(data, path, notes) or _stereo_bouguet(data, path, notes)
        cameras = pair or [_single(data, path.stem, path, notes)]
    return make_rig(path, cameras, None, list(dict.fromkeys(notes)))


def _metres(data: dict, notes: list[str]) -> float:
    unit = str(data.get("WorldUnits", "mm")) or "mm"
    if unit not in UNITS:
        raise InputError(f"WorldUnits among {', '.join(UNITS)}", repr(unit), "set cameraParams.WorldUnits")
    notes.append(f"MATLAB: lengths in {unit}{'' if 'WorldUnits' in data else ' (not stated)'} became metres")
    return UNITS[unit]


def _intrinsics(part: dict, what: str):
    """(size, K, distortion) of a structure of `cameraParameters`."""
    part = part.get("Intrinsics", part) if "RadialDistortion" not in part else part
    transposed = "K" not in part
    K = np.array(part["K"] if not transposed else entry(part, "IntrinsicMatrix", what), dtype=np.float64)
    K = K.T if transposed else K
    radial = np.atleast_1d(entry(part, "RadialDistortion", what)).tolist()
    tangential = np.atleast_1d(part.get("TangentialDistortion", [0.0, 0.0])).tolist()
    size = np.atleast_1d(part.get("ImageSize", []))
    return size[::-1] if size.size == 2 else None, K, [*radial[:2], *tangential, *radial[2:]]


def _stereo_struct(data: dict, path: Path, notes: list[str]) -> list[Camera]:
    if "CameraParameters1" not in data:
        return []
    metres = _metres(data["CameraParameters1"], notes)
    if "PoseCamera2" in data:  # newer versions: a pose that multiplies column vectors
        T = np.array(
            data["PoseCamera2"]["A"] if isinstance(data["PoseCamera2"], dict) else data["PoseCamera2"]
        )
        R, t = T[:3, :3], T[:3, 3]
    else:
        R = np.array(entry(data, "RotationOfCamera2", path.name)).T
        t = np.array(entry(data, "TranslationOfCamera2", path.name))
    notes.append("MATLAB: the first pixel is (1, 1) there, so principal points were moved by -0.5")
    cameras = []
    for k, (R_cam, t_cam) in enumerate(((np.eye(3), np.zeros(3)), (R, t)), 1):
        what = f"camera {k} in {path.name}"
        size, K, d = _intrinsics(data[f"CameraParameters{k}"], what)
        cameras.append(
            make_camera(
                f"cam{k}",
                what,
                size,
                K,
                R_cam,
                t_cam,
                d,
                metres=metres,
                pixel_shift=-0.5,
                root=path.parent,
                notes=notes,
            )
        )
    return cameras


def _stereo_bouguet(data: dict, path: Path, notes: list[str]) -> list[Camera]:
    if "fc_left" not in data:
        return []
    R, t = entry(data, "R" if "R" in data else "om", path.name), entry(data, "T", path.name)
    poses = {"left": (np.eye(3), np.zeros(3)), "right": (R, t)}
    return [_bouguet(data, f"_{side}", side, path, *pose, notes) for side, pose in poses.items()]


def _bouguet(data: dict, suffix: str, name: str, path: Path, R, t, notes: list[str]) -> Camera:
    what = f"camera {name} in {path.name}"
    fc, cc = (np.asarray(entry(data, f"{key}{suffix}", what), dtype=np.float64) for key in ("fc", "cc"))
    K = pinhole(*fc, *cc)
    K[0, 1] = float(data.get(f"alpha_c{suffix}", 0.0)) * K[0, 0]
    size = [data["nx"], data["ny"]] if {"nx", "ny"} <= set(data) else None
    notes.append(
        "Bouguet's toolbox: lengths in mm (not stated) became metres, principal points moved by +0.5 px"
    )
    d = np.asarray(entry(data, f"kc{suffix}", what), dtype=np.float64)
    return make_camera(name, what, size, K, R, t, d, metres=0.001, root=path.parent, notes=notes)


def _single(data: dict, name: str, path: Path, notes: list[str]) -> Camera:
    what = f"camera {name} in {path.name}"
    if "fc" in data:
        for which in ("ext", "1"):
            if f"Rc_{which}" in data and f"Tc_{which}" in data:
                R, t = np.asarray(data[f"Rc_{which}"]), np.asarray(data[f"Tc_{which}"])
                return _bouguet(data, "", name, path, R, t, notes)
        raise InputError(
            f"Rc_ext and Tc_ext (or Rc_1, Tc_1) of {what}", f"{sorted(data)[:12]}", "compute the extrinsics"
        )
    if "RotationVectors" not in data and "RotationMatrices" not in data:
        raise InputError(
            f"toStruct(cameraParams), toStruct(stereoParams) or a file of Bouguet's toolbox in {path}",
            f"{sorted(data)[:12]}",
            TO_STRUCT,
        )
    size, K, d = _intrinsics(data, what)
    if "RotationVectors" in data:
        R = np.asarray(data["RotationVectors"], dtype=np.float64).reshape(-1, 3)[0]
    else:
        R = np.asarray(data["RotationMatrices"], dtype=np.float64).reshape(3, 3, -1)[:, :, 0].T
    t = np.asarray(entry(data, "TranslationVectors", what), dtype=np.float64).reshape(-1, 3)[0]
    metres = _metres(data, notes)
    notes.append(
        "MATLAB: the pose of each camera is that of its first pattern; the first pixel is (1, 1) there"
    )
    return make_camera(
        name, what, size, K, R, t, d, metres=metres, pixel_shift=-0.5, root=path.parent, notes=notes
    )
