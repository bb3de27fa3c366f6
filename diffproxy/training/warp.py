"""Similarity warps of a view: image, proxy and camera together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Num, UInt8

from diffproxy.cameras import Camera


@dataclass(frozen=True)
class Similarity:
    """`x_dst = scale * R(angle) @ x_src + shift` in continuous pixels (centres at integer + 0.5)."""

    scale: float
    angle: float
    shift: Float[np.ndarray, "2"]

    @property
    def matrix(self) -> Float[np.ndarray, "2 3"]:
        c, s = self.scale * np.cos(self.angle), self.scale * np.sin(self.angle)
        return np.array([[c, -s, self.shift[0]], [s, c, self.shift[1]]])

    @staticmethod
    def of_square(
        center: Float[np.ndarray, "2"], side: float, dst: int, angle: float, offset: Float[np.ndarray, "2"]
    ) -> Similarity:
        """The square of `side` source pixels around `center` fills `dst`, rolled (radians), shifted by `offset`
        * dst.
        """
        scale = dst / side
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return Similarity(float(scale), float(angle), dst / 2 + offset * dst - scale * turn @ center)

    def resized(self, factor: float) -> Similarity:
        """The same warp into an image `factor` times as large."""
        return Similarity(self.scale * factor, self.angle, self.shift * factor)


def warp_image(
    image: UInt8[np.ndarray, "H W 3"], warp: Similarity, size: int, border: tuple[int, int, int] = (0, 0, 0)
) -> UInt8[np.ndarray, "S S 3"]:
    """Resample an image; when shrinking, pixels are averaged (two-step area) to avoid aliasing."""
    m = warp.matrix.copy()
    m[:, 2] += 0.5 * (m[:, :2].sum(1) - 1)  # cv2 counts pixel centres at integers
    return cv2.warpAffine(image, m, (size, size), flags=cv2.INTER_LINEAR, borderValue=border)


def warp_nearest(
    maps: tuple[Num[np.ndarray, "H W ..."], ...], warp: Similarity, size: int
) -> tuple[Num[np.ndarray, "S S ..."], ...]:
    """Point-sample label-like maps at the pixel centres of the destination; 0 outside the source."""
    centers = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), -1)
    linear = warp.matrix[:, :2]
    src = (centers - warp.shift) @ np.linalg.inv(linear).T
    x, y = np.floor(src[..., 0]).astype(int), np.floor(src[..., 1]).astype(int)
    height, width = maps[0].shape[:2]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = x.clip(0, width - 1), y.clip(0, height - 1)
    return tuple(
        np.where(inside.reshape(inside.shape + (1,) * (m.ndim - 2)), m[y, x], 0).astype(m.dtype) for m in maps
    )


def warp_camera(camera: Camera, warp: Similarity, size: int) -> Camera:
    """The pinhole camera of the warped image: zoom and shift change K, roll turns the camera about its axis.

    Exact when fx = fy and skew = 0; then `warp(project(camera, x)) == project(warped camera, x)`.
    """
    c, s = np.cos(warp.angle), np.sin(warp.angle)
    roll = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    K = camera.K.copy()
    K[:2, :2] *= warp.scale
    K[:2, 2] = warp.matrix @ np.array([camera.K[0, 2], camera.K[1, 2], 1.0])
    return replace(
        camera,
        width=size,
        height=size,
        K=K,
        R_cam_world=roll @ camera.R_cam_world,
        t_cam_world=roll @ camera.t_cam_world,
    )
