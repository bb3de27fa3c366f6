"""A run for Blender: a script beside the glTF animation and the cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.cameras import Camera, RigFrames
from diffproxy.cameras.up_axis import rotation_to_y_up
from diffproxy.export.gltf import write_gltf_animation
from diffproxy.export.motion import BodyMotion
from diffproxy.utils.io import to_json, write_atomic

SCRIPT = Path(__file__).with_name("blender_script.py")
R_ZUP_YUP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # what Blender's importer does to glTF
OPENGL = np.diag([1.0, -1, -1])  # camera axes: x right, y up, looking along -z


def write_blender(path: Path, motion: BodyMotion, frames: RigFrames | None) -> None:
    """Write `path` (.py), which Blender runs, with a .glb and a .json of the same name.

    Args:
        path: The script.
        motion: The bodies.
        frames: The rig; None: no cameras. Their pictures are named, not copied.
    """
    cameras: list[dict[str, Any]] = []
    if frames is not None:
        first = motion.frame_ids[0] if motion.frame_ids[0] in frames.frame_ids else frames.frame_ids[0]
        files = frames.files(int(first))
        cameras = [_camera(c, files.get(c.name), motion.up_axis) for c in frames.cameras]
    # one frame of the scene is one of the rig, so that pictures and keyframes agree whatever the spacing of the run
    data = {"fps": motion.frame_rate, "frame_ids": motion.frame_ids.tolist(), "cameras": cameras}
    write_gltf_animation(path.with_suffix(".glb"), motion)
    write_atomic(path.with_suffix(".json"), to_json(data))
    write_atomic(path, SCRIPT.read_bytes())


def camera_matrix(camera: Camera, up_axis: str) -> Float[np.ndarray, "4 4"]:
    """Pose of a camera in Blender: +Z up, from camera to world, the camera looking along its -z."""
    R_zup_world = R_ZUP_YUP @ rotation_to_y_up(up_axis)
    matrix = np.eye(4)
    matrix[:3, :3] = R_zup_world @ camera.R_cam_world.T @ OPENGL
    matrix[:3, 3] = R_zup_world @ camera.center_world
    return matrix


def _camera(camera: Camera, file: Path | None, up_axis: str) -> dict[str, Any]:
    return {
        "name": camera.name,
        "size": [camera.width, camera.height],
        "K": camera.K.tolist(),
        "matrix": camera_matrix(camera, up_axis).tolist(),
        "file": None if file is None else str(file.resolve()),
    }
