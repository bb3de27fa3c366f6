"""A camera and a rig from what a calibration file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.formats._yaml import matrix, rotation, shaped, size_or_guess
from diffproxy.cameras.lens import Lens
from diffproxy.cameras.rig import Rig, guess_up_axis
from diffproxy.utils.errors import InputError

OPENCV_PIXELS = "principal points moved by +0.5 px (pixels are counted from the centre of the first one)"


def entry(data: Mapping, key: str, what: str):
    """`data[key]`; InputError that lists the keys there otherwise."""
    if not isinstance(data, Mapping) or key not in data:
        keys = sorted(map(str, data))[:12] if isinstance(data, Mapping) else type(data).__name__
        raise InputError(f"{key} of {what}", f"{keys}", "export the calibration again")
    return data[key]


def make_camera(
    name: str,
    what: str,
    size,
    K,
    R,
    t,
    distortion=(),
    *,
    metres: float = 1.0,
    lens: Lens = "opencv",
    pixel_shift: float = 0.5,
    root: Path | None = None,
    notes: list[str] | None = None,
) -> Camera:
    """A camera from (nested) lists or arrays as they are in a file.

    Args:
        name: Name of the camera.
        what: The camera and the file, for messages.
        size: (width, height); None takes that of the images under `root`.
        K: 3x3 intrinsics in pixels of the file.
        R: World to camera, 3x3 or a Rodrigues vector.
        t: World to camera, in the unit of the file.
        distortion: Coefficients in OpenCV's order.
        metres: Metres in one unit of the file.
        lens: Model of the coefficients.
        pixel_shift: Added to the principal point: 0.5 where the first pixel's centre is 0.
        root: Folder of the rig, for `size` None.
        notes: Receives a sentence if the size had to be guessed.

    Raises:
        InputError: Wrong shapes, no rotation, numbers that are not finite, an unknown count of coefficients.
    """
    K = shaped(_plain(K), (3, 3), f"the intrinsics of {what}").copy()
    R = rotation(_plain(R), f"the rotation of {what}")
    t = shaped(_plain(t), (3,), f"the translation of {what}") * metres
    d = matrix(_plain(distortion), f"the distortion of {what}").reshape(-1)
    if size is None:
        width, height = size_or_guess(None, root or Path(), name, K, [] if notes is None else notes)
    else:
        width, height = (round(float(v)) for v in shaped(_plain(size), (2,), f"the image size of {what}"))
    K[:2, 2] += pixel_shift
    return Camera(name, width, height, K, R, t, d, lens=lens)


def make_rig(path: Path, cameras: Sequence[Camera], up_axis: str | None, notes: Sequence[str]) -> Rig:
    """The rig of the file or folder `path`; without `up_axis` it is guessed from upright images, and noted."""
    folder = path if path.is_dir() else path.parent
    notes = list(notes)
    if not cameras:
        raise InputError(f"cameras in {path}", "none", "export the calibration again")
    if up_axis is None:
        up_axis = guess_up_axis(cameras)
        notes.append(f"up axis {up_axis} guessed from upright images; `convert PATH up=...` changes it")
    return Rig(folder.resolve().name, tuple(cameras), up_axis=up_axis, root=folder, notes=notes)


def pinhole(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    """K of these numbers."""
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def inverse_pose(
    T_world_cam: Float[np.ndarray, "R 4"],
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """(R_cam_world, t_cam_world) of a 3x4 or 4x4 pose of the camera in the world."""
    R = T_world_cam[:3, :3].T
    return R, -R @ T_world_cam[:3, 3]


def refuse_lens(model: str, what: str, known: str) -> InputError:
    """The error for a lens model that has no counterpart here."""
    return InputError(
        f"a lens model of {what} among {known}",
        f"{model}, which has no exact counterpart in OpenCV's models",
        "calibrate with one of these, or undistort the images and export pinhole cameras",
    )


def refuse_writing(rig: Rig, name: str, most: int, fisheye: bool = True, skew: bool = False) -> None:
    """InputError if `rig` has something that the format `name` cannot hold."""
    for c in rig.cameras:
        reasons = []
        if c.pixel_grid is not None and not c.pixel_grid.is_identity:
            reasons.append("a pixel_grid: its images are not on the calibrated pixels")
        if c.lens == "opencv" and c.distortion[most:].any():
            reasons.append(f"{c.distortion.size} distortion coefficients")
        if c.lens == "fisheye" and not fisheye:
            reasons.append("a fisheye lens")
        if c.K[0, 1] != 0 and not skew:
            reasons.append("skew")
        if reasons:
            raise InputError(
                f"cameras that {name} can hold", f"{c.name} with {' and '.join(reasons)}", "write rig.json"
            )


def _plain(value):
    """Lists of numbers from arrays, so that every reader's messages come from the same code."""
    return (
        value.tolist()
        if isinstance(value, np.ndarray)
        else list(value)
        if isinstance(value, tuple)
        else value
    )
