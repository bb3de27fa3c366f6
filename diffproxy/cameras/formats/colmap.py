"""COLMAP models: cameras and images, as text or binary; written as text."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from diffproxy.cameras.formats._build import make_camera, make_rig, refuse_writing
from diffproxy.cameras.formats._colmap_models import COUNTS, MODELS, lens_of, model_of
from diffproxy.cameras.formats._files import text_of
from diffproxy.cameras.formats._images import camera_names, first_image, one_pose_each
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

NAME = "COLMAP cameras + images (text, binary)"
PRIORITY = 50
WRITES = "colmap"
WRITES_TO = "sparse/0"
FOLDERS = (".", "sparse/0", "sparse", "colmap/sparse/0")


def find(folder: Path) -> Path | None:
    return next((folder / sub for sub in FOLDERS if _ending(folder / sub)), None)


def is_format(path: Path) -> bool:
    return path.name in ("cameras.txt", "images.txt", "cameras.bin", "images.bin") and bool(
        _ending(path.parent)
    )


def _ending(folder: Path) -> str | None:
    return next(
        (s for s in (".txt", ".bin") if all((folder / f"{n}{s}").is_file() for n in ("cameras", "images"))),
        None,
    )


def read(path: Path) -> Rig:
    """Read the model in folder `path`: x_cam = R x_world + t, pixel centres at 0.5 as ours.

    A model has no unit of its own: lengths are taken as metres. Each camera must stand still; images are
    assigned to cameras by their folder, or by their name if all lie in one folder.
    """
    folder = path if path.is_dir() else path.parent
    ending = _ending(folder)
    if ending is None:
        raise InputError(
            f"cameras and images (.txt or .bin) in {folder}", "not both", "export the model again"
        )
    try:
        models, poses = (_read_text if ending == ".txt" else _read_binary)(folder)
    except (ValueError, IndexError, KeyError, struct.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"COLMAP's format in {folder}", f"{error!r}", "export the model again") from error
    cameras = []
    for name, (qvec, tvec, number, image) in zip(camera_names([p[3] for p in poses]), poses, strict=True):
        what = f"camera {name} ({image}) in {folder}"
        if number not in models:
            raise InputError(
                f"camera {number} in cameras{ending} for {image}", f"{sorted(models)}", "export again"
            )
        model, size, numbers = models[number]
        K, distortion, lens = lens_of(model, numbers, what)
        R = Rotation.from_quat(np.array(qvec)[[1, 2, 3, 0]]).as_matrix()
        cameras.append(
            make_camera(name, what, size, K, R, list(tvec), distortion, lens=lens, pixel_shift=0.0)
        )
    notes = [
        "COLMAP: a model has no unit; lengths are taken as metres. `convert PATH scale=FACTOR` changes it, with the "
        "true distance of two cameras over the one printed by `check`"
    ]
    return make_rig(folder, one_pose_each(cameras, str(folder)), None, notes)


def _rows(path: Path) -> list[str]:
    return [line.strip() for line in text_of(path).splitlines() if not line.startswith("#")]


def _read_text(folder: Path):
    models = {}
    for row in filter(None, _rows(folder / "cameras.txt")):
        number, model, width, height, *numbers = row.split()
        models[int(number)] = (model, (int(width), int(height)), [float(n) for n in numbers])
    poses = []
    rows = _rows(folder / "images.txt")
    while rows and not rows[-1]:
        rows.pop()
    for row in rows[::2]:  # each image has a second row with its points, which may be empty
        words = row.split(maxsplit=9)
        poses.append(
            ([float(w) for w in words[1:5]], [float(w) for w in words[5:8]], int(words[8]), words[9])
        )
    return models, poses


def _read_binary(folder: Path):
    models, poses = {}, []
    with (folder / "cameras.bin").open("rb") as file:
        for _ in range(_take(file, "<Q")[0]):
            number, model, width, height = _take(file, "<IiQQ")
            if model not in MODELS:
                raise InputError(f"a camera model of {sorted(COUNTS)}", f"number {model}", "export as text")
            name, count = MODELS[model]
            models[number] = (name, (width, height), list(_take(file, f"<{count}d")))
    with (folder / "images.bin").open("rb") as file:
        for _ in range(_take(file, "<Q")[0]):
            _, *pose = _take(file, "<I7d")
            (number,) = _take(file, "<I")
            letters = b""
            while (letter := file.read(1)) not in (b"\0", b""):
                letters += letter
            file.seek(24 * _take(file, "<Q")[0], 1)  # the image's points: x, y and the id of a 3D point
            poses.append((pose[:4], pose[4:], number, letters.decode()))
    return models, poses


def _take(file, form: str) -> tuple:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def write(rig: Rig, path: Path) -> None:
    """Write cameras.txt, images.txt and an empty points3D.txt into folder `path`; metres, the rig's world."""
    refuse_writing(rig, "COLMAP", most=8)
    cameras, images = (
        ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]"],
        ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"],
    )
    for number, c in enumerate(rig.cameras, 1):
        model, numbers = model_of(c.K, c.distortion, c.lens)
        cameras.append(f"{number} {model} {c.width} {c.height} {_words(numbers)}")
        x, y, z, w = Rotation.from_matrix(c.R_cam_world).as_quat()
        pose = _words([w, x, y, z, *c.t_cam_world])
        images += [f"{number} {pose} {number} {first_image(rig.root, c.name)}", ""]
    for name, lines in (("cameras", cameras), ("images", images), ("points3D", ["# no points"])):
        write_atomic(path / f"{name}.txt", ("\n".join(lines) + "\n").encode())


def _words(numbers) -> str:
    return " ".join(repr(float(n)) for n in numbers)
