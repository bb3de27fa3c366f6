"""OpenCV stereo pairs: intrinsics of two cameras and the pose of the second against the first."""

from __future__ import annotations

from pathlib import Path

from diffproxy.cameras.formats._build import OPENCV_PIXELS, entry, make_camera, make_rig
from diffproxy.cameras.formats._filestorage import ENDINGS, read_storage
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError

NAME = "OpenCV stereo pair"
PRIORITY = 40
INTRINSICS = (  # names of K1, d1, K2, d2 that people use, compared in lower case
    ("m1", "d1", "m2", "d2"),
    ("k1", "d1", "k2", "d2"),
    ("cameramatrix1", "distcoeffs1", "cameramatrix2", "distcoeffs2"),
    ("camera_matrix_1", "dist_coeffs_1", "camera_matrix_2", "dist_coeffs_2"),
    ("camera_matrix1", "dist_coeffs1", "camera_matrix2", "dist_coeffs2"),
    ("mtx1", "dist1", "mtx2", "dist2"),
    (
        "left_camera_matrix",
        "left_distortion_coefficients",
        "right_camera_matrix",
        "right_distortion_coefficients",
    ),
)


def find(folder: Path) -> Path | None:
    """The file with the intrinsics: alone, or with an extrinsics file beside it."""
    files = sorted(p for p in folder.iterdir() if is_format(p))
    return files[0] if files else None


def is_format(path: Path) -> bool:
    if path.suffix.lower() not in ENDINGS or not path.is_file():
        return False
    try:
        return _names(_lower(path)) is not None
    except InputError:
        return False


def read(path: Path) -> Rig:
    """Read K and distortion of both cameras, R and T with x_2 = R x_1 + T; the world is camera 1, metres.

    R and T may stand in a second file of the folder, as OpenCV's sample `stereo_calib` writes them. The cameras are
    called cam1 and cam2, or as the two folders or files in images/ or videos/ are, in the order of their names.
    """
    data = _lower(path)
    names = _names(data)
    if names is None:
        raise InputError(f"intrinsics of two cameras in {path}", f"{sorted(data)[:12]}", "export them again")
    beside = [
        data,
        *(_lower(p) for p in sorted(path.parent.iterdir()) if p.suffix.lower() in ENDINGS and p != path),
    ]
    pose = next((d for d in beside if "r" in d and "t" in d), None)
    if pose is None:
        raise InputError(
            f"R and T in {path.name} or a file beside it", "intrinsics only", "copy the extrinsics file there"
        )
    size = next((data[k] for k in ("image_size", "imagesize", "size") if k in data), None)
    if size is None and {"image_width", "image_height"} <= set(data):
        size = [data["image_width"], data["image_height"]]
    notes = [
        f"OpenCV stereo: {OPENCV_PIXELS}; the world is the frame of the first camera; lengths, which have the unit of "
        "the board, are taken as metres (`convert PATH units=mm` changes it)"
    ]
    cameras = []
    for k, name in enumerate(_camera_names(path.parent)):
        what = f"camera {k + 1} in {path.name}"
        R, t = ([0.0] * 3, [0.0] * 3) if k == 0 else (pose["r"], pose["t"])
        d = data.get(names[2 * k + 1], [])
        K = entry(data, names[2 * k], what)
        cameras.append(make_camera(name, what, size, K, R, t, d, root=path.parent, notes=notes))
    return make_rig(path, cameras, None, notes)


def _lower(path: Path) -> dict:
    return {k.lower(): v for k, v in read_storage(path).items()}


def _names(data: dict) -> tuple[str, ...] | None:
    return next((names for names in INTRINSICS if names[0] in data and names[2] in data), None)


def _camera_names(folder: Path) -> list[str]:
    from diffproxy.cameras.find_sources import find_sources

    for root in (folder, folder.parent):
        found = sorted(find_sources(root))
        if len(found) == 2:
            return found
    return ["cam1", "cam2"]
