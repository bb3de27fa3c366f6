"""OptiTrack Motive calibration, `*.mcal` (XML in UTF-16)."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats._build import make_camera, make_rig, pinhole
from diffproxy.cameras.formats._files import only_like, read_xml
from diffproxy.cameras.formats._numbers import checked_rotation, to_float
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError

NAME = "OptiTrack .mcal"
PRIORITY = 50
STANDARD = "IntrinsicStandardCameraModel"  # OpenCV's lens model; `Intrinsic` is Motive's own


def find(folder: Path) -> Path | None:
    return only_like(folder, ".mcal", is_format, NAME)


def is_format(path: Path) -> bool:
    return path.suffix.lower() == ".mcal"


def read(path: Path) -> Rig:
    """Read every camera with the standard lens model. Metres; world y is up.

    OrientMatrix0..8 is M row by row and X, Y, Z the centre C: R = diag(1, -1, -1) Mᵀ, t = -R C, because these
    cameras look along -z with y up.
    """
    entries = list(read_xml(path).iter("Camera"))
    standard = [c for c in entries if c.find(STANDARD) is not None]
    if entries and not standard:
        raise InputError(
            f"{STANDARD} of the cameras in {path}",
            "only Motive's own lens model, which has no counterpart in OpenCV's",
            "export the calibration from a version of Motive that writes it",
        )
    notes = ["OptiTrack: metres, y up; principal points as printed (the pixel centre is not stated)"]
    if len(standard) < len(entries):
        notes.append(f"OptiTrack: {len(entries) - len(standard)} cameras without {STANDARD} left out")
    return make_rig(path, [_camera(c, path) for c in standard], "+Y", notes)


def _camera(element: Element, path: Path) -> Camera:
    name = element.get("Serial") or ""
    what = f"camera {name} in {path.name}"

    def number(part: str, key: str) -> float:
        found = element.find(part)
        return to_float(None if found is None else found.get(key), f"{part} {key} of {what}")

    fx, fy, cx, cy = (
        number(STANDARD, key)
        for key in ("HorizontalFocalLength", "VerticalFocalLength", "LensCenterX", "LensCenterY")
    )
    d = [number(STANDARD, key) for key in ("k1", "k2", "TangentialX", "TangentialY", "k3")]
    M = np.array([number("Extrinsic", f"OrientMatrix{i}") for i in range(9)]).reshape(3, 3)
    R = np.diag([1.0, -1.0, -1.0]) @ checked_rotation(M, f"the orientation of {what}").T
    t = -R @ np.array([number("Extrinsic", axis) for axis in "XYZ"])
    size = [number("Attributes", "ImagerPixelWidth"), number("Attributes", "ImagerPixelHeight")]
    return make_camera(name, what, size, pinhole(fx, fy, cx, cy), R, t, d, pixel_shift=0.0)
