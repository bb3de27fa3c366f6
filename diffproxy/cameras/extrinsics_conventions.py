"""Which convention a file's extrinsics follow, judged by where the cameras stand and look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.rig import Rig

_OPENGL = np.diag([1.0, -1.0, -1.0])


def with_opencv_axes(rig: Rig) -> Rig:
    """The rig with camera y and z negated, for a file of OpenGL or Blender cameras (y up, looking along -z)."""
    return _changed(
        rig, lambda c: (_OPENGL @ c.R_cam_world, _OPENGL @ c.t_cam_world), "camera y and z negated"
    )


def with_transposed_rotations(rig: Rig) -> Rig:
    """The rig with R transposed and t kept, for a file whose rotations were written column by column."""
    return _changed(rig, lambda c: (c.R_cam_world.T, c.t_cam_world), "rotations transposed")


def _changed(rig: Rig, change: Callable[[Camera], tuple[np.ndarray, np.ndarray]], note: str) -> Rig:
    cameras = []
    for camera in rig.cameras:
        R, t = change(camera)
        cameras.append(replace(camera, R_cam_world=R, t_cam_world=t))
    return replace(rig, cameras=tuple(cameras), notes=[*rig.notes, note])


@dataclass(frozen=True)
class Convention:
    """A way in which extrinsics are often written, what to type then, and the rig in our convention."""

    name: str
    options: str
    apply: Callable[[Rig], Rig]


CONVENTIONS = (
    Convention(
        "inverted (world-from-camera where camera-from-world is expected)", "invert=true", Rig.inverted
    ),
    Convention(
        "like those of OpenGL or Blender cameras (y up, looking along -z)", "axes=opengl", with_opencv_axes
    ),
    Convention(
        "like poses of OpenGL or Blender cameras (world from camera, y up, looking along -z)",
        "invert=true axes=opengl",
        lambda rig: with_opencv_axes(rig.inverted()),
    ),
    Convention(
        "transposed (rotations written column by column)", "transpose=true", with_transposed_rotations
    ),
)


def upright_deg(rig: Rig) -> float:
    """0 for cameras that agree on a direction up, 30 for cameras rolled in all directions."""
    return 30.0 * (1.0 - float(np.linalg.norm(np.mean([c.R_cam_world[1] for c in rig.cameras], axis=0))))
