"""Left-right flip of proxies and cameras, for augmentation and test-time flip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy.spatial import cKDTree
from torch import Tensor

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.proxies.maps import Kind

FLIP_WORLD = np.diag([-1.0, 1.0, 1.0])
FLIPPED_KIND: dict[Kind, Kind] = {"body": "body", "left_hand": "right_hand", "right_hand": "left_hand"}


@dataclass(frozen=True)
class FlipTable:
    """Mapping of labels and UV by the flip: `label' = label_map[label]`, `u' = 1 - u` where `flip_u`."""

    label_map: UInt8[np.ndarray, "256"]
    flip_u: Bool[np.ndarray, "256"]

    def apply(
        self, labels: UInt8[np.ndarray, "H W"], uv: Float[np.ndarray, "H W 2"]
    ) -> tuple[UInt8[np.ndarray, "H W"], Float[np.ndarray, "H W 2"]]:
        """Flip a map left to right (columns reversed)."""
        labels, uv = labels[:, ::-1], uv[:, ::-1]
        u = np.where(self.flip_u[labels], 1 - uv[..., 0], uv[..., 0])
        out = np.stack([u, uv[..., 1]], -1)
        return self.label_map[labels], np.where(labels[..., None] > 0, out, 0).astype(uv.dtype)

    def apply_batch(
        self, labels: UInt8[Tensor, "*B H W"], uv: Float[Tensor, "*B H W 2"]
    ) -> tuple[UInt8[Tensor, "*B H W"], Float[Tensor, "*B H W 2"]]:
        """`apply` for a batch of tensors."""
        labels, uv = labels.flip(-1), uv.flip(-2)
        index = labels.long()
        u = torch.where(torch.from_numpy(self.flip_u)[index], 1 - uv[..., 0], uv[..., 0])
        out = torch.stack([u, uv[..., 1]], -1) * (labels > 0)[..., None]
        return torch.from_numpy(self.label_map)[index], out


@lru_cache(maxsize=4)
def flip_table(body: BodyModel) -> FlipTable:
    """The flip of a body, measured on the rest mesh: each face centre is paired with the face nearest to its mirror
    image. Cached for each body.

    Args:
        body: The body.

    Returns:
        Mapping of labels and UV.
    """
    atlas = body.atlas
    corners = body.v_template.detach().double().numpy()[body.faces.numpy()]
    centers = corners.mean(1)
    _, partner = cKDTree(centers).query(centers * [-1, 1, 1])
    label_map, flip_u = np.arange(256, dtype=np.uint8), np.zeros(256, bool)
    for part, uv in (
        (np.asarray(atlas.face_part), np.asarray(atlas.uv_corners).mean(1)),
        (np.asarray(atlas.face_hand_part), np.asarray(atlas.hand_uv_corners).mean(1)),
    ):
        for label in np.unique(part[part > 0]):
            faces: Int[np.ndarray, " N"] = np.flatnonzero(part == label)
            other = np.bincount(part[partner[faces]], minlength=256)
            other[0] = 0
            label_map[label] = other.argmax()
            faces = faces[part[partner[faces]] == label_map[label]]
            u, u_mirror = uv[faces, 0], uv[partner[faces], 0]
            flip_u[label] = np.abs(1 - u - u_mirror).mean() < np.abs(u - u_mirror).mean()
    return FlipTable(label_map, flip_u)


def flip_camera(camera: Camera) -> Camera:
    """The camera whose image of the mirrored world (x → -x) is the flipped image."""
    flip = np.diag([-1.0, 1.0, 1.0])
    K = camera.K.copy()
    K[0, 2] = camera.width - K[0, 2]
    return replace(
        camera,
        K=K,
        R_cam_world=flip @ camera.R_cam_world @ FLIP_WORLD,
        t_cam_world=flip @ camera.t_cam_world,
    )
