"""Qualisys Track Manager calibration, `*.qca.txt` (XML)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats._files import read_xml
from diffproxy.cameras.formats._numbers import checked_rotation, only_file, to_float
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError

NAME = "Qualisys .qca.txt"
PRIORITY = 50
SUBPIXEL = 64.0  # focal length and principal point are printed in 1/64 pixel

DISTORTION_NOTE = (
    "Qualisys: distortion is taken as printed, as OpenCV's k1 k2 p1 p2 in normalised coordinates. Pose2Sim divides "
    "it by 64; board images of its own demo calibrate to the printed size (k1 -0.05, k2 0.15), so it should not"
)


def find(folder: Path) -> Path | None:
    return only_file(folder, "*.qca.txt", NAME)


def is_format(path: Path) -> bool:
    return path.name.lower().endswith(".qca.txt")


def read(path: Path) -> Rig:
    """Read active video cameras. mm become metres; world z is up.

    The matrix as printed row by row, M, and the centre C give R_cam_world = diag(1, -1, -1) M, t = -R C,
    because Qualisys cameras look along -z with y up. Sensor coordinates run from 0 at the outer edge of the
    first pixel (a file of a 1920 px sensor ends at 122879 = 64 * 1920 - 1), which is our convention.
    """
    root = read_xml(path)
    entries = [c for c in root.iter("camera") if c.get("active", "1") == "1"]
    video = [c for c in entries if "video" in c.get("model", "").lower() or c.get("model", "none") == "none"]
    notes = [DISTORTION_NOTE]
    if video and len(video) < len(entries):
        notes.append(f"Qualisys: {len(entries) - len(video)} marker cameras (model without 'Video') left out")
    turned = [c.get("serial") for c in video or entries if c.get("viewrotation", "0") not in ("0", "")]
    if turned:
        notes.append(f"Qualisys: viewrotation is set for {turned}; images must be as the sensor gives them")
    cameras = [_camera(c, path) for c in video or entries]
    if not cameras:
        raise InputError(
            f"<camera> entries in {path}", "none that are active", "export the calibration again from QTM"
        )
    return Rig(path.name.split(".")[0], tuple(cameras), up_axis="+Z", root=path.parent, notes=notes)


def _camera(entry: ElementTree.Element, path: Path) -> Camera:
    name = entry.get("serial") or ""
    fov = entry.find("fov_video")
    fov = entry.find("fov_marker") if fov is None else fov
    pose, lens = entry.find("transform"), entry.find("intrinsic")
    if not name or fov is None or pose is None or lens is None:
        raise InputError(
            f"serial, <fov_video>, <transform> and <intrinsic> for each camera in {path}",
            f"camera {name or '?'} with {[child.tag for child in entry]}",
            "export the calibration again from QTM",
        )

    def number(element: ElementTree.Element, key: str) -> float:
        return to_float(element.get(key), f"{key} of camera {name} in {path.name}")

    left, top = number(fov, "left"), number(fov, "top")
    M = np.array([[number(pose, f"r{i}{j}") for j in (1, 2, 3)] for i in (1, 2, 3)])
    R = np.diag([1.0, -1.0, -1.0]) @ checked_rotation(M, f"<transform> of camera {name} in {path.name}")
    center = np.array([number(pose, axis) for axis in "xyz"]) / 1000.0
    K = np.eye(3)
    K[0, 0], K[1, 1] = number(lens, "focalLengthU") / SUBPIXEL, number(lens, "focalLengthV") / SUBPIXEL
    K[0, 1] = to_float(lens.get("skew", "0"), f"skew of camera {name}") / SUBPIXEL
    K[0, 2] = number(lens, "centerPointU") / SUBPIXEL - left
    K[1, 2] = number(lens, "centerPointV") / SUBPIXEL - top
    radial = [number(lens, f"radialDistortion{i}") for i in (1, 2)]
    tangential = [number(lens, f"tangentalDistortion{i}") for i in (1, 2)]  # spelt so in the files
    third = to_float(lens.get("radialDistortion3", "0"), f"radialDistortion3 of camera {name}")
    return Camera(
        name=name,
        width=round(number(fov, "right") - left + 1),
        height=round(number(fov, "bottom") - top + 1),
        K=K,
        R_cam_world=R,
        t_cam_world=-R @ center,
        distortion=np.array([*radial, *tangential] + ([third] if third else [])),
    )
