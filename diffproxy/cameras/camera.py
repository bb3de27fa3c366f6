"""One calibrated camera: OpenCV axes (x right, y down, z forward), metres, pixel centres at integer + 0.5."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Camera:
    """`x_cam = R_cam_world @ x_world + t_cam_world`; `distortion` is OpenCV's (k1 k2 p1 p2 [k3 ...]), empty = pinhole."""

    name: str
    width: int
    height: int
    K: Float[np.ndarray, "3 3"]
    R_cam_world: Float[np.ndarray, "3 3"]
    t_cam_world: Float[np.ndarray, "3"]
    distortion: Float[np.ndarray, "D"] = field(default_factory=lambda: np.zeros(0))

    @property
    def center_world(self) -> Float[np.ndarray, "3"]:
        return -self.R_cam_world.T @ self.t_cam_world

    def project(self, x_world: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 2"]:
        """World points (metres) to pixels, distortion included; points behind the camera give NaN."""
        x_cam = np.asarray(x_world) @ self.R_cam_world.T + self.t_cam_world
        z = np.where(x_cam[..., 2:] > 1e-9, x_cam[..., 2:], np.nan)
        xy = x_cam[..., :2] / z
        if self.distortion.size:
            raise NotImplementedError("filled in by the cameras room")
        return xy @ self.K[:2, :2].T + self.K[:2, 2]

    def crop(self, box: tuple[float, float, float, float], size: tuple[int, int], name: str | None = None) -> Camera:
        """The camera of the image region `box` = (x0, y0, x1, y1) in pixels, resampled to `size` = (width, height).

        Extrinsics stay; only K changes. Only valid for a pinhole (undistorted) camera.
        """
        x0, y0, x1, y1 = box
        sx, sy = size[0] / (x1 - x0), size[1] / (y1 - y0)
        K_new = np.array([[sx, 0.0, -x0 * sx], [0.0, sy, -y0 * sy], [0.0, 0.0, 1.0]]) @ self.K
        return replace(self, K=K_new, width=size[0], height=size[1], name=name or self.name)
