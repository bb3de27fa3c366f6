"""Correspondences of several subjects as one padded batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.fitting.correspondences import Correspondences
from diffproxy.fitting.residuals import Observations


def projections(cameras: tuple[Camera, ...]) -> Float[np.ndarray, "V 3 4"]:
    """`K [R | t]` of every camera."""
    return np.stack([c.K @ np.concatenate([c.R_cam_world, c.t_cam_world[:, None]], axis=1) for c in cameras])


def metres_per_pixel(cameras: tuple[Camera, ...], center: Float[np.ndarray, "3"]) -> Float[np.ndarray, "V"]:
    """Size of a pixel of each map at the depth of `center` (world, metres); at least at 10 cm."""
    depth = np.array([(c.R_cam_world @ center + c.t_cam_world)[2] for c in cameras])
    focal = np.array([np.sqrt(abs(c.K[0, 0] * c.K[1, 1])) for c in cameras])
    return np.maximum(depth, 0.1) / focal


def stack(
    found: list[Correspondences],
    cameras: list[tuple[Camera, ...]],
    centers: list[Float[np.ndarray, "3"]],
    information: Sequence[float | np.ndarray],
    on_hand: list[np.ndarray],
    like: Tensor,
) -> Observations:
    """Pad to the longest subject. `information[b]` multiplies the weights of subject b. Label 0 marks outlines.

    World points are meant relative to `centers[b]`: single precision then serves however far away the origin is.
    """
    B, N = len(found), max(1, *(len(f) for f in found))
    faces, bary = np.zeros((B, N), dtype=np.int64), np.full((B, N, 3), 1 / 3)
    pixels, weight = np.zeros((B, N, 2)), np.zeros((B, N))
    hand, outline = np.zeros((B, N), dtype=bool), np.zeros((B, N), dtype=bool)
    P, unit = np.tile(np.eye(3, 4), (B, N, 1, 1)), np.ones((B, N))
    for b, f in enumerate(found):
        n = len(f)
        faces[b, :n], bary[b, :n], pixels[b, :n] = f.face, f.bary, f.pixel
        weight[b, :n] = f.weight * information[b]
        from_center = projections(cameras[b])
        from_center[:, :, 3] += from_center[:, :, :3] @ centers[b]
        P[b, :n] = from_center[f.view]
        hand[b, :n], outline[b, :n] = on_hand[b], f.label == 0
        unit[b, :n] = metres_per_pixel(cameras[b], centers[b])[f.view]

    def tensor(a: np.ndarray) -> Tensor:
        return torch.as_tensor(a, dtype=like.dtype, device=like.device)

    return Observations(
        faces=torch.as_tensor(faces, device=like.device),
        bary=tensor(bary),
        pixels=tensor(pixels),
        weight=tensor(weight),
        P=tensor(P),
        metres_per_pixel=tensor(unit),
        on_hand=torch.as_tensor(hand, device=like.device),
        outline=torch.as_tensor(outline, device=like.device),
    )
