"""OpenCV FileStorage as YAML, XML or JSON: one file per camera, or one file with all cameras."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats._build import refuse_lens
from diffproxy.cameras.formats._files import text_of
from diffproxy.cameras.formats._filestorage import ENDINGS, read_storage
from diffproxy.cameras.formats._numbers import to_float
from diffproxy.cameras.formats._yaml import matrix, rotation, shaped, size_or_guess
from diffproxy.cameras.lens import Lens
from diffproxy.cameras.rig import Rig, guess_up_axis
from diffproxy.utils.errors import InputError

NAME = "OpenCV YAML, XML, JSON"
PRIORITY = 20
MEANINGS = {  # what it is -> the keys under which people store it, compared in lower case
    "K": ("camera_matrix", "cameramatrix", "intrinsic_matrix", "intrinsics", "intrinsic", "k", "mtx"),
    "dist": ("distortion_coefficients", "dist_coeffs", "distcoeffs", "dist_coeff", "distortion", "dist", "d"),
    "R": ("rotation_matrix", "rotation", "rvec", "rot", "r"),
    "t": ("translation_vector", "translation", "tvec", "trans", "t"),
    "RT": ("extrinsic_matrix", "extrinsics", "extrinsic", "rt"),
    "width": ("image_width", "width", "w"),
    "height": ("image_height", "height", "h"),
    "size": ("image_size", "resolution", "imagesize", "size"),
    "name": ("camera_name", "name", "camera", "cam", "serial"),
    "model": ("distortion_model", "lens", "model"),
}

# behind the camera's name where extrinsics lie beside
HALVES = re.compile(r"[_-]?intri(nsics?)?$", re.IGNORECASE)
POLYNOMIAL = ("opencv", "plumb_bob", "radtan", "brown_conrady", "rational", "rational_polynomial")
FISHEYE = ("fisheye", "opencv_fisheye", "equidistant", "kannala_brandt", "kannala_brandt8", "kannalabrandt8")
LENS_WORDS: dict[str, Lens] = {
    **dict.fromkeys((*POLYNOMIAL, "pinhole", "perspective", "none"), "opencv"),
    **dict.fromkeys(FISHEYE, "fisheye"),
}


def find(folder: Path) -> Path | None:
    """A file with intrinsics of a camera; the folder itself if there are several."""
    files = [p for p in _files(folder) if _mentions_camera(p)]
    return None if not files else files[0] if len(files) == 1 else folder


def is_format(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and _mentions_camera(path)


def read(path: Path) -> Rig:
    """Read one file (all cameras), or all files of a folder (one camera each, named by the file).

    x_cam = R x_world + t; R as matrix or Rodrigues vector; units taken as metres. Principal points follow
    OpenCV's convention (first pixel centre at 0) and are moved by +0.5. The up axis is guessed from upright images.
    """
    if path.is_dir():
        folder, parts = path, dict[str, tuple[dict, Path]]()
        for file in (p for p in _files(path) if _mentions_camera(p)):
            inside = _split(_contents(file), file)
            alone = len(inside) == 1 and None in inside
            stem = HALVES.sub("", file.stem) or file.stem
            parts |= {name if name and not alone else stem: (part, file) for name, part in inside.items()}
    else:
        folder = path.parent
        parts = {name or path.stem: (part, path) for name, part in _split(_contents(path), path).items()}
    notes = ["OpenCV: principal points moved by +0.5 px (OpenCV counts from pixel centres)"]
    cameras = tuple(_camera(name, part, file, folder, notes) for name, (part, file) in parts.items())
    up = guess_up_axis(cameras)
    notes.append(
        f'OpenCV: up axis {up} guessed from upright images; set "up_axis" in a rig.json to change it'
    )
    return Rig(folder.resolve().name, cameras, up_axis=up, root=folder, notes=notes)


def _contents(path: Path) -> dict:
    """The file's entries, and those of the file with the extrinsics beside it (cam1_intrinsics, cam1_extrinsics)."""
    data = read_storage(path)
    for word, other in (("intrinsics", "extrinsics"), ("intrinsic", "extrinsic"), ("intri", "extri")):
        partner = path.with_name(path.name.replace(f"{word}.", f"{other}."))
        if path.stem.lower().endswith(word) and partner.is_file():
            return read_storage(partner) | data
    return data


def _files(folder: Path) -> list[Path]:
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in ENDINGS and p.name not in ("intri.yml", "extri.yml") and p.is_file()
    )


def _mentions_camera(path: Path) -> bool:
    """A long name for the camera matrix, or a short one (k, mtx) together with one for a rotation."""
    try:
        text = text_of(path)
    except InputError:
        return False

    def has(names: tuple[str, ...]) -> bool:
        words = f"(?:{'|'.join(names)})(?:_\\w+)?"  # as a key of YAML or JSON, or as an element of XML
        return bool(re.search(rf'(^|[\s{{,"]){words}"?\s*:|<{words}[\s>]', text, flags=re.IGNORECASE))

    names = MEANINGS["K"]
    return has(tuple(n for n in names if len(n) > 3)) or (has(names) and has(MEANINGS["R"] + MEANINGS["RT"]))


def _meaning(key: str) -> str | None:
    return next((m for m, keys in MEANINGS.items() if key.lower() in keys), None)


def _split(data: dict, path: Path) -> dict[str | None, dict]:
    """Camera name -> its entries by meaning. Layouts: flat, a mapping or list a camera, or <key>_<camera>."""
    flat = {m: v for k, v in data.items() if (m := _meaning(k))}
    if "K" in flat:
        return {flat.get("name"): flat}
    nested = data.get("cameras", data)
    if isinstance(nested, list):
        nested = {str(e.get("name", i)) if isinstance(e, dict) else str(i): e for i, e in enumerate(nested)}
    found: dict[str | None, dict] = {}
    if isinstance(nested, dict):
        for name, entry in nested.items():
            inner = {m: v for k, v in entry.items() if (m := _meaning(k))} if isinstance(entry, dict) else {}
            if "K" in inner:
                found[inner["name"] if isinstance(inner.get("name"), str) else name] = inner
    if not found:
        keys = sorted((k for names in MEANINGS.values() for k in names), key=len, reverse=True)
        for key, value in data.items():
            hit = re.match(rf"({'|'.join(keys)})_(.+)$", key, flags=re.IGNORECASE)
            if hit:
                found.setdefault(hit[2], {})[_meaning(hit[1])] = value
        found = {name: part for name, part in found.items() if "K" in part}
    if not found:
        raise InputError(
            f"camera_matrix, distortion_coefficients, R and T for each camera in {path}",
            f"the keys {sorted(data)[:12]}",
            "see docs/rigs.md for the layouts that are read",
        )
    common = {m: v for m, v in flat.items() if m in ("width", "height", "size")}
    return {name: common | part for name, part in found.items()}


def _camera(name: str, part: dict, path: Path, folder: Path, notes: list[str]) -> Camera:
    what = f"of camera {name} in {path.name}"
    K = shaped(part["K"], (3, 3), f"the camera matrix {what}").copy()
    if "RT" in part:
        RT = matrix(part["RT"], f"the extrinsic matrix {what}")
        if RT.shape not in ((3, 4), (4, 4)):
            raise InputError(f"a 3x4 or 4x4 extrinsic matrix {what}", f"shape {RT.shape}", "correct the file")
        R, t = rotation(RT[:3, :3].tolist(), f"the extrinsic matrix {what}"), RT[:3, 3]
    elif "R" in part and "t" in part:
        R = rotation(part["R"], f"the rotation {what}")
        t = shaped(part["t"], (3,), f"the translation {what}")
    else:
        raise InputError(
            f"a rotation R and a translation T {what}",
            f"{sorted(part)}: intrinsics only",
            "add the extrinsics of all cameras in one world (cv2.solvePnP on one board image gives them)",
        )
    size = None
    if "width" in part and "height" in part:
        size = (
            round(to_float(part["width"], f"width {what}")),
            round(to_float(part["height"], f"height {what}")),
        )
    elif "size" in part:
        w, h = shaped(part["size"], (2,), f"the image size {what}")
        size = (int(w), int(h))
        off = [np.abs(K[:2, 2] / wh - 0.5).max() for wh in ((w, h), (h, w))]
        if off[0] > 0.2 and off[1] < 0.1:
            raise InputError(
                f"the image size {what} as (width, height)",
                f"({w:g}, {h:g}) with the principal point at ({K[0, 2]:.0f}, {K[1, 2]:.0f}): (height, width)",
                "exchange the two numbers",
            )
    width, height = size_or_guess(size, folder, name, K, notes)
    K[:2, 2] += 0.5
    d = matrix(part["dist"], f"the distortion {what}").reshape(-1) if "dist" in part else np.zeros(0)
    return Camera(name, width, height, K, R, t, d, lens=_lens(part, what))


def _lens(part: dict, what: str) -> Lens:
    """Lens of the words that OpenCV, ROS and others use; no word is OpenCV's polynomial model."""
    word = part.get("model", "opencv")
    lens = LENS_WORDS.get(str(word).lower().replace(" ", "_").replace("-", "_"))
    if lens is None:
        raise refuse_lens(str(word), what, ", ".join(LENS_WORDS))
    return lens
