"""Maps of a whole picture: features, where people are, and how far what is seen of them is.

The encoder is MoveNet multipose, frozen: the detector's weights, which have seen people on whole pictures. Its scores
of people's centres are what the scores here start from. Rays of the cells tell any focal length and crop (Fourier
features of directions as in Multi-HMR, Baradel et al. 2024); depths are distributions over bins that are even in their
logarithm, so denser near, and supervised on people only (DepthHMR).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diffproxy.encoders.movenet import MULTIPOSE, MoveNetOutput, SeparableConv2d

FINE, COARSE = 48, 96
"""Channels of the maps of stride 4 and 8."""
BANDS = 4
"""Frequencies of the rays' Fourier features."""
RAY_FEATURES = 4 + 4 * BANDS
SCALE = 384.0
"""Pixels in whose unit focal lengths of the network's input are given: its usual longer side."""
NEAREST, FARTHEST, DEPTH_CELLS = 0.25, 45.0, 48
"""Depth times `SCALE` over the focal length (pixels), in metres, of the first and last bin: what is as near or far,
seen through a lens of 53 degrees."""


class PictureMaps(NamedTuple):
    """Of B pictures of H x W pixels; P = H / 4, Q = W / 4, p = H / 8, q = W / 8."""

    fine: Float[Tensor, "B 48 P Q"]
    coarse: Float[Tensor, "B 96 p q"]
    score: Float[Tensor, "B 1 P Q"]
    """Logits of people's centres: of the boxes around their keypoints in the picture."""
    depth_logits: Float[Tensor, "B 48 p q"]
    depth: Float[Tensor, "B 2 p q"]
    """Mean and standard deviation of the log of depth over focal length, metres a pixel."""


class PictureNeck(nn.Module):
    """The encoder's pyramid and the camera to `PictureMaps`."""

    bins: Tensor

    def __init__(self) -> None:
        super().__init__()
        s4, s8, s16, s32 = MULTIPOSE.pyramid_channels
        self.levels = nn.ModuleList(nn.Conv2d(c, COARSE, 1) for c in (s8, s16, s32))
        self.rays = nn.Conv2d(RAY_FEATURES, COARSE, 1)
        self.norm = nn.GroupNorm(8, COARSE)
        self.blocks = nn.ModuleList(SeparableConv2d(COARSE, COARSE) for _ in range(3))
        self.fine, self.down = nn.Conv2d(s4, FINE, 1), nn.Conv2d(COARSE, FINE, 1)
        self.score = nn.Sequential(SeparableConv2d(FINE, FINE), _silent(FINE, 1))
        self.depth = nn.Sequential(SeparableConv2d(COARSE, COARSE), _silent(COARSE, DEPTH_CELLS))
        bins = torch.linspace(float(np.log(NEAREST)), float(np.log(FARTHEST)), DEPTH_CELLS)
        self.register_buffer("bins", bins - float(np.log(SCALE)), persistent=False)

    def forward(self, seen: MoveNetOutput, camera: Float[Tensor, "B 4"]) -> PictureMaps:
        """Maps from the encoder's output; `camera` as of `WholePictureNetwork.forward`."""
        s4, *coarser = seen.pyramid
        sides = coarser[0].shape[-2:]
        x = self.rays(ray_features(camera, coarser[0]))
        for level, features in zip(self.levels, coarser, strict=True):
            x = x + F.interpolate(level(features), size=sides, mode="bilinear", align_corners=False)
        x = self.norm(x)
        for block in self.blocks:
            x = x + block(x)
        up = F.interpolate(self.down(x), size=s4.shape[-2:], mode="bilinear", align_corners=False)
        fine = F.relu(self.fine(s4) + up)
        logits = self.depth(x).float()
        share = logits.softmax(1)
        mean = (share * self.bins[:, None, None]).sum(1, keepdim=True)
        spread = (share * (self.bins[:, None, None] - mean).square()).sum(1, keepdim=True)
        depth = torch.cat([mean, spread.clamp_min(1e-8).sqrt()], dim=1)
        score = seen.heads["center"].float() + self.score(fine).float()
        return PictureMaps(fine.float(), x.float(), score, logits, depth)


def _silent(channels: int, out: int) -> nn.Conv2d:
    """A last layer that gives 0 before it is trained."""
    layer = nn.Conv2d(channels, out, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # there is one
    return layer


def ray_features(camera: Float[Tensor, "B 4"], cells: Float[Tensor, "B _ p q"]) -> Float[Tensor, "B C p q"]:
    """What each cell of stride 8 is told of the camera: its ray's direction, the focal length, how sure that is."""
    rows, columns = cells.shape[-2:]
    x = 8 * (torch.arange(columns, dtype=camera.dtype, device=camera.device) + 0.5)
    y = 8 * (torch.arange(rows, dtype=camera.dtype, device=camera.device) + 0.5)
    focal = camera[:, 0, None, None]
    x = ((x[None, None] - camera[:, 1, None, None]) / focal).expand(-1, rows, -1)
    y = ((y[None, :, None] - camera[:, 2, None, None]) / focal).expand(-1, -1, columns)
    waves = [f(np.pi / 2 * 2**k * v) for v in (x, y) for k in range(BANDS) for f in (torch.sin, torch.cos)]
    told = [(focal / SCALE).log().expand_as(x), 3 * camera[:, 3, None, None].expand_as(x)]
    return torch.stack([x, y, *waves, *told], dim=1)
