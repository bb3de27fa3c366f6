"""The camera of a picture, whose axes are the world's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.single_view.sources import PICTURE


def picture_camera(width: int, height: int, focal: float) -> Camera:
    """A pinhole camera at the origin of the world, principal point in the middle: world axes are the camera's."""
    K = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    return Camera(PICTURE, width, height, K, np.eye(3), np.zeros(3))


def with_focal(camera: Camera, factor: float) -> Camera:
    """The same picture, or crop of it, under `factor` times the focal length."""
    K = camera.K.copy()
    K[:2, :2] *= factor
    return replace(camera, K=K)
