"""One subject's correspondences as tensors, every row taken as a point that a pixel shows."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.fitting.observations import metres_per_pixel, projections
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.fitting.terms.reprojection import Observations


def plain_rows(
    found: Correspondences,
    cameras: tuple[Camera, ...],
    center: Float[np.ndarray, "3"],
    weight: Float[np.ndarray, "N"],
    like: Tensor,
) -> Observations:
    """World points are meant relative to `center` (metres); `weight` takes the place of the correspondences' own."""
    P = projections(cameras)
    P[:, :, 3] += P[:, :, :3] @ center

    def tensor(a: np.ndarray) -> Tensor:
        return torch.as_tensor(a, dtype=like.dtype, device=like.device)[None]

    no = torch.zeros(1, len(found), dtype=torch.bool, device=like.device)
    return Observations(
        faces=torch.as_tensor(found.face, device=like.device)[None],
        bary=tensor(found.bary),
        pixels=tensor(found.pixel),
        weight=tensor(weight),
        P=tensor(P[found.view]),
        metres_per_pixel=tensor(metres_per_pixel(cameras, center)[found.view]),
        on_hand=no,
        view=torch.as_tensor(found.view, device=like.device)[None],
        outline=no,
    )
