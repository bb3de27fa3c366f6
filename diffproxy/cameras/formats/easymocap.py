"""EasyMocap's pair of files, `intri.yml` and `extri.yml`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats._build import refuse_writing
from diffproxy.cameras.formats._numbers import to_float
from diffproxy.cameras.formats._yaml import matrix, read_yaml, rotation, shaped, size_or_guess
from diffproxy.cameras.rig import Rig, guess_up_axis
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

NAME = "EasyMocap intri.yml + extri.yml"
PRIORITY = 50
WRITES = "easymocap"
WRITES_TO = "intri.yml"


def find(folder: Path) -> Path | None:
    files = [folder / "intri.yml", folder / "extri.yml"]
    if files[1].is_file() and not files[0].is_file():
        raise InputError(f"intri.yml beside extri.yml in {folder}", "extri.yml alone", "copy intri.yml there")
    return files[0] if files[0].is_file() else None


def is_format(path: Path) -> bool:
    return path.name in ("intri.yml", "extri.yml")


def read(path: Path) -> Rig:
    """Read both files of the folder. Keys: K_<cam>, dist_<cam> (or D_<cam>); Rot_<cam> or R_<cam>, T_<cam>.

    x_cam = R x_world + T in the units of the file (taken as metres). Principal points follow OpenCV's
    convention (first pixel centre at 0) and are moved by +0.5. The up axis is guessed from upright images.
    """
    folder = path.parent
    for name in ("intri.yml", "extri.yml"):
        if not (folder / name).is_file():
            raise InputError(
                f"{name} in {folder}", "no such file", "EasyMocap's calibration is a pair of files"
            )
    intri, extri = read_yaml(folder / "intri.yml"), read_yaml(folder / "extri.yml")
    notes = ["EasyMocap: principal points moved by +0.5 px (OpenCV counts from pixel centres)"]
    names = _names(intri, extri, folder, notes)
    cameras = tuple(_camera(name, intri, extri, folder, notes) for name in names)
    up = guess_up_axis(cameras)
    notes.append(
        f'EasyMocap: up axis {up} guessed from upright images; set "up_axis" in a rig.json to change it'
    )
    return Rig(folder.resolve().name, cameras, up_axis=up, root=folder, notes=notes)


def _names(intri: dict, extri: dict, folder: Path, notes: list[str]) -> list[str]:
    listed = [
        d.get("names") or sorted(k[2:] for k in d if k.startswith(p))
        for d, p in ((intri, "K_"), (extri, "T_"))
    ]
    listed = [names if isinstance(names, list) else [names] for names in listed]
    if not listed[0] or not set(listed[0]) >= set(listed[1]):
        raise InputError(
            f"the same cameras in intri.yml and extri.yml of {folder}",
            f"{listed[0]} and {listed[1]}",
            "calibrate the missing cameras, or remove them from the other file's `names`",
        )
    both = [n for n in listed[0] if n in listed[1]]
    if len(both) < len(listed[0]):
        rest = [n for n in listed[0] if n not in both]
        notes.append(f"EasyMocap: in intri.yml only, left out: {', '.join(rest)}")
    return both


def _camera(name: str, intri: dict, extri: dict, folder: Path, notes: list[str]) -> Camera:
    def get(data: dict, file: str, *keys: str):
        for key in keys:
            if f"{key}_{name}" in data:
                return data[f"{key}_{name}"]
        found = [k for k in data if k.endswith(f"_{name}")]
        raise InputError(
            f"{' or '.join(f'{k}_{name}' for k in keys)} in {folder / file}", f"{found}", "write it again"
        )

    K = shaped(get(intri, "intri.yml", "K"), (3, 3), f"K_{name}")
    R = rotation(get(extri, "extri.yml", "Rot", "R"), f"Rot_{name}")
    t = shaped(get(extri, "extri.yml", "T"), (3,), f"T_{name}")
    dist = next((intri[k] for k in (f"dist_{name}", f"D_{name}") if k in intri), None)
    size = None
    if f"W_{name}" in intri and f"H_{name}" in intri:
        size = (
            round(to_float(intri[f"W_{name}"], f"W_{name}")),
            round(to_float(intri[f"H_{name}"], f"H_{name}")),
        )
    width, height = size_or_guess(size, folder, name, K, notes)
    K = K.copy()
    K[:2, 2] += 0.5
    d = np.zeros(0) if dist is None else matrix(dist, f"dist_{name}").reshape(-1)
    return Camera(name, width, height, K, R, t, d)


def write(rig: Rig, path: Path) -> None:
    """Write intri.yml and extri.yml into the folder of `path`; metres, principal points as OpenCV counts them."""
    import cv2

    refuse_writing(rig, "EasyMocap", most=5, fisheye=False, skew=True)
    names = [c.name for c in rig.cameras]
    listed = "".join(f'   - "{name}"\n' for name in names)
    intri, extri = (f"%YAML:1.0\n---\nnames:\n{listed}" for _ in range(2))
    for c in rig.cameras:
        K = c.K.copy()
        K[:2, 2] -= 0.5
        d = np.pad(c.distortion, (0, 5 - c.distortion.size))
        intri += _matrix(f"K_{c.name}", K) + _matrix(f"dist_{c.name}", d[None])
        intri += f"H_{c.name}: {c.height}\nW_{c.name}: {c.width}\n"
        extri += _matrix(f"R_{c.name}", cv2.Rodrigues(c.R_cam_world)[0]) + _matrix(
            f"Rot_{c.name}", c.R_cam_world
        )
        extri += _matrix(f"T_{c.name}", c.t_cam_world[:, None])
    write_atomic(path.parent / "intri.yml", intri.encode())
    write_atomic(path.parent / "extri.yml", extri.encode())


def _matrix(key: str, values: np.ndarray) -> str:
    rows, columns = values.shape
    head = f"{key}: !!opencv-matrix\n   rows: {rows}\n   cols: {columns}\n   dt: d\n"
    return f"{head}   data: {values.ravel().tolist()}\n"
