"""The unknowns of a rig: pose and focal length of every camera, as points on a manifold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.geometry.procrustes import nearest_rotation
from diffproxy.geometry.so3 import hat, rotvec_to_rotmat
from diffproxy.utils.short_repr import short_repr

PER_CAMERA = 7
"""Tangent space of a camera: rotation (3, radians, camera axes), centre (3, metres, world), log focal length."""


@dataclass(frozen=True)
class RigState:
    """C cameras, double precision. `log_focal`: focal lengths over those the cameras came with, as a logarithm."""

    R_cam_world: Float[Tensor, "C 3 3"]
    center: Float[Tensor, "C 3"]
    log_focal: Float[Tensor, " C"]

    __repr__ = short_repr

    @staticmethod
    def from_cameras(cameras: Sequence[Camera]) -> RigState:
        R = torch.as_tensor(np.stack([c.R_cam_world for c in cameras]), dtype=torch.float64)
        center = torch.as_tensor(np.stack([c.center_world for c in cameras]), dtype=torch.float64)
        return RigState(R, center, torch.zeros(len(R), dtype=torch.float64))

    def __len__(self) -> int:
        return len(self.log_focal)

    def retract(self, step: Float[Tensor, "C 7"]) -> RigState:
        """Move along a tangent vector."""
        R = rotvec_to_rotmat(step[:, :3]) @ self.R_cam_world
        return RigState(R, self.center + step[:, 3:6], self.log_focal + step[:, 6])

    def place(self, camera: Camera, index: int) -> Camera:
        """`camera` (the full image's or a crop of it) with pose and focal length of camera `index`."""
        R = nearest_rotation(self.R_cam_world[index].numpy())  # many small steps accumulate rounding errors
        K = camera.K.copy()
        K[:2, :2] *= float(self.log_focal[index].exp())
        return replace(camera, K=K, R_cam_world=R, t_cam_world=-R @ self.center[index].numpy())

    def moved(self, R: Float[Tensor, "3 3"], t: Float[Tensor, "3"], scale: float = 1.0) -> RigState:
        """The rig after `x_new = scale R x + t` of the world."""
        return RigState(self.R_cam_world @ R.T, scale * self.center @ R.T + t, self.log_focal)


def rigid_gauge(rig: RigState) -> Float[Tensor, "C7 6"]:
    """How the tangent vectors of all cameras change when the whole world is turned and shifted a little."""
    blocks = []
    for c in range(len(rig)):
        block = torch.zeros(PER_CAMERA, 6, dtype=torch.float64)
        # x_new = x + w × x: the centre moves by w × c, the camera turns by -R w (its own axes)
        block[:3, :3] = -rig.R_cam_world[c]
        block[3:6, :3] = -hat(rig.center[c])
        block[3:6, 3:] = torch.eye(3, dtype=torch.float64)
        blocks.append(block)
    return torch.cat(blocks)
