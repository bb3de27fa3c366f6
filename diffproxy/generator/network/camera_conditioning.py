"""Cameras as batched tensors, their common scene frame, and Plücker rays in that frame.

All camera inputs of the network are in the scene frame, so the result does not depend on the world frame and units of
the user: origin = the point nearest to the central rays of all crops, unit = the half width of the widest crop there,
z = the cameras' mean up direction, x = towards the camera farthest from the origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.utils.checked import checked
from diffproxy.utils.options import one_each
from diffproxy.utils.short_repr import short_repr

# Below this the central rays are parallel or coincide (one camera, or one camera and its crops): no intersection.
MIN_CONVERGENCE = 1e-3


RAY_DIM = 6  # Plücker: direction and moment


@checked
@dataclass(frozen=True)
class CameraBatch:
    """G groups of V pinhole cameras; `K` is in units of the image side: x = 0 left border, x = 1 right border."""

    K: Float[Tensor, "G V 3 3"]
    R_cam_world: Float[Tensor, "G V 3 3"]
    t_cam_world: Float[Tensor, "G V 3"]

    __repr__ = short_repr

    @staticmethod
    def from_arrays(
        K: np.ndarray | Tensor,
        R_cam_world: np.ndarray | Tensor,
        t_cam_world: np.ndarray | Tensor,
        size: float,
    ) -> CameraBatch:
        """Arrays (G,V,3,3), (G,V,3,3), (G,V,3); `K` in pixels of a square image of side `size`."""
        K, R, t = (torch.as_tensor(a, dtype=torch.float64) for a in (K, R_cam_world, t_cam_world))
        to_unit = torch.diag(K.new_tensor([1.0 / size, 1.0 / size, 1.0]))
        return CameraBatch(to_unit @ K, R, t)

    @staticmethod
    def from_cameras(groups: Sequence[Sequence[Camera]]) -> CameraBatch:
        """One sequence of V cameras per group; each camera's own width and height define its unit."""
        for group in groups:
            one_each("cameras of a group", len(group), len(groups[0]), "view of the first group")
        K = np.array([[np.diag([1 / c.width, 1 / c.height, 1.0]) @ c.K for c in group] for group in groups])
        R = np.array([[c.R_cam_world for c in group] for group in groups])
        t = np.array([[c.t_cam_world for c in group] for group in groups])
        return CameraBatch(*(torch.as_tensor(a, dtype=torch.float64) for a in (K, R, t)))

    @property
    def centers(self) -> Float[Tensor, "G V 3"]:
        return -(self.R_cam_world.mT @ self.t_cam_world[..., None])[..., 0]

    def ray_directions(self, points: Float[Tensor, "N 2"]) -> Float[Tensor, "G V N 3"]:
        """World directions (not unit: camera depth 1) through image points given in units of the side."""
        homogeneous = F.pad(points.to(self.K), (0, 1), value=1.0)
        return homogeneous @ torch.linalg.inv(self.K).mT @ self.R_cam_world

    def in_scene_frame(self, valid: Bool[Tensor, "G V"] | None = None) -> CameraBatch:
        """The same cameras in their scene frame (module docstring), defined by the `valid` views."""
        center, scale, R_scene_world = scene_frame(self, valid)
        R = self.R_cam_world @ R_scene_world.mT[:, None]
        t = (self.R_cam_world @ center[:, None, :, None])[..., 0] + self.t_cam_world
        return CameraBatch(self.K, R, t / scale[:, None, None])


def grid_points(n: int) -> Float[Tensor, "N 2"]:
    """Cell centres of an n x n grid, row-major, (x, y) in units of the image side."""
    c = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    y, x = torch.meshgrid(c, c, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def scene_frame(
    cameras: CameraBatch, valid: Bool[Tensor, "G V"] | None = None
) -> tuple[Float[Tensor, "G 3"], Float[Tensor, " G"], Float[Tensor, "G 3 3"]]:
    """The scene frame of each group; independent of the order of the views.

    Args:
        cameras: G groups of V cameras.
        valid: (G, V) views that define the frame, at least one per group; None: all.

    Returns:
        Origin (G, 3) in the world, world units per scene unit (G,), and R_scene_world (G, 3, 3).
    """
    o = cameras.centers
    valid = torch.ones_like(o[..., 0], dtype=torch.bool) if valid is None else valid.to(o.device)

    def mean(x: Float[Tensor, "G V *D"]) -> Float[Tensor, " G *D"]:
        weight = valid.to(x) / valid.sum(1, keepdim=True)
        return (weight.view(*weight.shape, *[1] * (x.ndim - 2)) * x).sum(1)

    ray = cameras.ray_directions(torch.tensor([[0.5, 0.5]]))[:, :, 0]
    d = F.normalize(ray, dim=-1)
    across = torch.eye(3, dtype=d.dtype, device=d.device) - d[..., :, None] * d[..., None, :]
    A, b = mean(across), mean(across @ o[..., None])
    convergence = torch.linalg.eigvalsh(A)[:, 0]
    center = torch.linalg.solve(A + 1e-9 * torch.eye(3, dtype=A.dtype, device=A.device), b)[..., 0]
    depth = ((center[:, None] - o) * cameras.R_cam_world[..., 2, :]).sum(-1)
    # No usable intersection: a point one half width in front of the mean camera fixes an equivalent, scale-free frame.
    half = 0.5 / (0.5 * (cameras.K[..., 0, 0] + cameras.K[..., 1, 1]))  # half width at depth 1
    usable = (convergence > MIN_CONVERGENCE) & ((depth > 0) | ~valid).all(1)
    center = torch.where(usable[:, None], center, mean(o + ray))
    scale = torch.where(valid, torch.where(usable[:, None], depth * half, half), 0.0).amax(1)

    up = -mean(cameras.R_cam_world[..., 1, :])
    first = torch.arange(o.shape[0], device=o.device), valid.int().argmax(1)
    steady = up.norm(dim=-1, keepdim=True) > 0.1
    up = F.normalize(torch.where(steady, up, -cameras.R_cam_world[first][:, 1]), dim=-1)
    offset = o - center[:, None]
    distance = torch.where(valid, offset.norm(dim=-1), -1.0)
    # The first of the farthest cameras: equal distances (a perfect ring) differ by rounding alone.
    farthest = (distance >= distance.amax(1, keepdim=True) * (1 - 1e-6)).int().argmax(1)
    pick = torch.arange(o.shape[0], device=o.device), farthest
    forward = offset[pick] - (offset[pick] * up).sum(-1, keepdim=True) * up
    sideways = cameras.R_cam_world[pick][:, 0]
    forward = torch.where(forward.norm(dim=-1, keepdim=True) > 1e-3 * scale[:, None], forward, sideways)
    x = F.normalize(forward - (forward * up).sum(-1, keepdim=True) * up, dim=-1)
    return center, scale, torch.stack([x, torch.linalg.cross(up, x), up], dim=-2)


def plucker_rays(cameras: CameraBatch, n: int) -> Float[Tensor, "G V N 6"]:
    """Unit direction and moment (origin x direction) of the ray through each cell centre; pass scene-frame cameras."""
    d = F.normalize(cameras.ray_directions(grid_points(n)), dim=-1)
    o = cameras.centers[:, :, None].expand_as(d)
    return torch.cat([d, torch.linalg.cross(o, d)], -1).float()
