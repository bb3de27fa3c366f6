"""`transforms.json` of nerfstudio, instant-ngp and others: poses of cameras with OpenGL axes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from diffproxy.cameras.formats._build import (
    entry,
    inverse_pose,
    make_camera,
    make_rig,
    pinhole,
    refuse_lens,
    refuse_writing,
)
from diffproxy.cameras.formats._files import contents, only_like, read_json
from diffproxy.cameras.formats._images import camera_names, first_image, one_pose_each
from diffproxy.cameras.formats._yaml import shaped
from diffproxy.cameras.lens import Lens
from diffproxy.cameras.rig import Rig
from diffproxy.utils.errors import InputError
from diffproxy.utils.io import write_atomic

NAME = "nerfstudio transforms.json"
PRIORITY = 50
WRITES = "transforms"
WRITES_TO = "transforms.json"
OPENGL = np.diag([1.0, -1.0, -1.0])  # camera axes x right, y up, z backward; ours have y down, z forward
MODELS: dict[str, Lens] = {
    "OPENCV": "opencv",
    "PINHOLE": "opencv",
    "SIMPLE_PINHOLE": "opencv",
    "OPENCV_FISHEYE": "fisheye",
}


def find(folder: Path) -> Path | None:
    return only_like(folder, ".json", is_format, NAME)


def is_format(path: Path) -> bool:
    data = contents(path, ".json", read_json)
    frames = data.get("frames") if isinstance(data, dict) else None
    return isinstance(frames, list) and any(isinstance(f, dict) and "transform_matrix" in f for f in frames)


def read(path: Path) -> Rig:
    """Read `frames`: each holds the pose of its camera; intrinsics stand in the frame or once for all.

    The unit is the file's own (taken as metres); pixel centres lie at 0.5, as ours.
    """
    data = read_json(path)
    frames = [f for f in entry(data, "frames", path.name) if "transform_matrix" in f]
    names = camera_names([str(entry(f, "file_path", f"a frame in {path.name}")) for f in frames])
    cameras = [_camera(name, data | frame, path) for name, frame in zip(names, frames, strict=True)]
    notes = [
        "transforms.json: OpenGL camera poses inverted; the file has no unit, lengths are taken as metres "
        "(`convert PATH scale=FACTOR` changes it)"
    ]
    return make_rig(path, one_pose_each(cameras, path.name), None, notes)


def _camera(name: str, data: dict, path: Path):
    what = f"camera {name} in {path.name}"
    model = str(data.get("camera_model", "OPENCV"))
    if model not in MODELS:
        raise refuse_lens(model, what, ", ".join(MODELS))
    lens = MODELS[model]
    width, height = float(entry(data, "w", what)), float(entry(data, "h", what))
    if "fl_x" in data:
        fx = float(data["fl_x"])
    else:
        fx = 0.5 * width / math.tan(0.5 * float(entry(data, "camera_angle_x", what)))
    fy = float(data.get("fl_y", fx))
    K = pinhole(fx, fy, float(data.get("cx", width / 2)), float(data.get("cy", height / 2)))
    k1, k2, k3, k4, p1, p2 = (float(data.get(k, 0.0)) for k in ("k1", "k2", "k3", "k4", "p1", "p2"))
    if lens == "fisheye":
        if p1 or p2:
            raise refuse_lens("a fisheye with p1, p2", what, ", ".join(MODELS))
        distortion = [k1, k2, k3, k4]
    elif k4:
        raise refuse_lens("four radial coefficients (k4)", what, ", ".join(MODELS))
    else:
        distortion = [k1, k2, p1, p2, k3] if k3 else [k1, k2, p1, p2]
    matrix = data["transform_matrix"]
    T = shaped(matrix, (len(matrix), 4), f"transform_matrix of {what}")
    R, t = inverse_pose(T)
    return make_camera(
        name, what, [width, height], K, OPENGL @ R, OPENGL @ t, distortion, lens=lens, pixel_shift=0.0
    )


def write(rig: Rig, path: Path) -> None:
    """Write one frame a camera, in metres and the rig's own world; InputError on mixed lenses."""
    refuse_writing(rig, "transforms.json", most=5)
    lenses = {c.lens for c in rig.cameras}
    if len(lenses) > 1:
        raise InputError("one lens model in transforms.json", f"{sorted(lenses)}", "write rig.json")
    frames = []
    for c in rig.cameras:
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = c.R_cam_world.T @ OPENGL, c.center_world
        names = ("k1", "k2", "k3", "k4") if c.lens == "fisheye" else ("k1", "k2", "p1", "p2", "k3")
        frames.append(
            {
                "file_path": f"images/{first_image(rig.root, c.name)}",
                "w": c.width,
                "h": c.height,
                "fl_x": c.K[0, 0],
                "fl_y": c.K[1, 1],
                "cx": c.K[0, 2],
                "cy": c.K[1, 2],
                **dict(zip(names, c.distortion.tolist(), strict=False)),
                "transform_matrix": T.tolist(),
            }
        )
    model = "OPENCV_FISHEYE" if lenses == {"fisheye"} else "OPENCV"
    write_atomic(path, (json.dumps({"camera_model": model, "frames": frames}, indent=1) + "\n").encode())
