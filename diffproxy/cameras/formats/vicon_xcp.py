"""Vicon calibration, `*.xcp` (XML)."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from scipy.spatial.transform import Rotation

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats._build import make_camera, make_rig, pinhole, refuse_lens
from diffproxy.cameras.formats._files import only_like, read_xml
from diffproxy.cameras.formats._numbers import to_float
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError

NAME = "Vicon .xcp"
PRIORITY = 50
VIDEO = ("video", "vue", "bonita720")  # types of cameras that take images


def find(folder: Path) -> Path | None:
    return only_like(folder, ".xcp", is_format, NAME)


def is_format(path: Path) -> bool:
    return path.suffix.lower() == ".xcp"


def read(path: Path) -> Rig:
    """Read the first key frame of each camera. mm become metres; world z is up.

    The quaternion ORIENTATION (x y z w) turns the world into the camera, POSITION is its centre C: t = -R C.
    """
    entries = [c for c in read_xml(path).iter("Camera") if c.find("KeyFrames/KeyFrame") is not None]
    video = [
        c for c in entries if any(v in f"{c.get('TYPE')} {c.get('DISPLAY_TYPE')}".lower() for v in VIDEO)
    ]
    notes = ["Vicon: mm became metres, z up; principal points as printed (the pixel centre is not stated)"]
    if video and len(video) < len(entries):
        notes.append(f"Vicon: {len(entries) - len(video)} marker cameras left out")
    cameras = [_camera(c, path, notes) for c in video or entries]
    return make_rig(path, cameras, "+Z", notes)


def _camera(element: Element, path: Path, notes: list[str]) -> Camera:
    name = element.get("DEVICEID") or ""
    what = f"camera {name} in {path.name}"
    frame = element.find("KeyFrames/KeyFrame")
    assert frame is not None  # chosen so

    def numbers(key: str, count: int, source: Element = frame) -> list[float]:
        words = (source.get(key) or "").split()
        if len(words) != count:
            raise InputError(f"{key} of {count} numbers for {what}", f"{source.get(key)!r}", "export again")
        return [to_float(w, f"{key} of {what}") for w in words]

    (focal,), (cx, cy) = numbers("FOCAL_LENGTH", 1), numbers("PRINCIPAL_POINT", 2)
    aspect = to_float(element.get("PIXEL_ASPECT_RATIO", "1"), f"PIXEL_ASPECT_RATIO of {what}")
    quaternion = np.array(numbers("ORIENTATION", 4))
    if not np.linalg.norm(quaternion) > 0:
        raise InputError(
            f"a quaternion for ORIENTATION of {what}", f"{quaternion.tolist()}", "calibrate again"
        )
    R = Rotation.from_quat(quaternion).as_matrix()
    t = -R @ np.array(numbers("POSITION", 3))
    size = numbers("SENSOR_SIZE", 2, element)
    d = _distortion(frame, what, notes)
    return make_camera(
        name, what, size, pinhole(focal, focal / aspect, cx, cy), R, t, d, metres=0.001, pixel_shift=0.0
    )


def _distortion(frame: Element, what: str, notes: list[str]) -> list[float]:
    """k1 k2 0 0 k3 of VICON_RADIAL2, after its name and centre, as Pose2Sim and OpenCap take them."""
    words = (frame.get("VICON_RADIAL2") or "").split()
    if not words:
        older = [to_float(w, f"VICON_RADIAL of {what}") for w in (frame.get("VICON_RADIAL") or "").split()]
        if any(older):
            raise refuse_lens("VICON_RADIAL, a polynomial of another unit", what, "VICON_RADIAL2")
        return []
    k = [to_float(w, f"VICON_RADIAL2 of {what}") for w in words[3:6]]
    k += [0.0] * (3 - len(k))
    note = "Vicon: VICON_RADIAL2 is not documented; its numbers are taken as OpenCV's k1 k2 k3. Check the overlays"
    if any(k) and note not in notes:
        notes.append(note)
    return [k[0], k[1], 0.0, 0.0, k[2]]
