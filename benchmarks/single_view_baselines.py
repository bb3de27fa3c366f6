"""Closed forms that place a body whose pose is known exactly, for `benchmarks/single_view.py`."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from single_view_pictures import Picture

from diffproxy.body.names import BODY_JOINTS
from diffproxy.cameras import Camera
from diffproxy.single_view.picture_camera import picture_camera


def translation(
    camera: Camera, points: Float[np.ndarray, "N 3"], pixels: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "3"]:
    """Translation of `points` (metres, camera axes) by linear least squares on x Z = f X: closed form."""
    xy = camera.normalized(pixels)
    A = np.concatenate([np.tile(np.eye(2), (len(xy), 1)), -xy.reshape(-1, 1)], axis=1)
    b = (xy * points[:, 2:] - points[:, :2]).reshape(-1)
    return np.linalg.lstsq(A, b, rcond=None)[0]


def weak_perspective(
    camera: Camera, points: Float[np.ndarray, "N 3"], pixels: Float[np.ndarray, "N 2"]
) -> Float[np.ndarray, "3"]:
    """Translation of a weak-perspective camera of the crop (scale and shift), moved to the picture's by CLIFF's shift.

    With the scale s in pixels a metre, Tz = f / s; the crop's shift becomes its centre's offset from the picture's.
    """
    flat = points[:, :2] - points[:, :2].mean(0)
    middle = pixels.mean(0)
    s = float((flat * (pixels - middle)).sum() / np.square(flat).sum())
    z = camera.K[0, 0] / s
    xy = (middle - camera.K[:2, 2]) / s - points[:, :2].mean(0)
    return np.array([*xy, z - points[:, 2].mean()])


def baselines(picture: Picture) -> dict[str, tuple[float, Float[np.ndarray, "3"]]]:
    """Focal length and pelvis of each closed form, from the true pose and its exact projection."""
    true = picture.joints[BODY_JOINTS]
    pixels = picture_camera(*picture.size, picture.focal).project(true)
    seen = np.isfinite(pixels).all(-1)  # joints behind the camera have no image
    pixels, local = pixels[seen], (true - true[0])[seen]
    out = {}
    for name, f in focal_lengths(picture.size).items():
        camera = picture_camera(*picture.size, f)
        out[f"{name}_true"] = (f, translation(camera, local, pixels))
        if name == "diagonal":
            out["cliff_true"] = (f, weak_perspective(camera, local, pixels))
    return out


def focal_lengths(size: tuple[int, int]) -> dict[str, float]:
    """The usual guesses, pixels."""
    return {"fov60": max(size) / 2 / np.tan(np.radians(30)), "diagonal": float(np.hypot(*size))}
