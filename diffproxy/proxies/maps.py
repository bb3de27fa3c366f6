"""`ProxyMaps`: where the generator and the fitter meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras import Camera

Kind = Literal["body", "left_hand", "right_hand"]


@dataclass(frozen=True)
class ProxyMaps:
    """Dense SMPL-X proxies of V (possibly cropped) views of one subject at one instant.

    `labels` are part ids of the body file's palette (0 = background; body views use the body palette, hand views the
    hand palette; the two id ranges are disjoint). `uv` is in [0, 1], origin bottom-left, meaningful where labels > 0.
    `weight` is the reliability of paper Eq. 5, in [0, 1]. `cameras[v]` is the pinhole camera of the map itself:
    its width and height are W and H, and pixel (row i, column j) is seen at (j + 0.5, i + 0.5).
    """

    labels: UInt8[np.ndarray, "V H W"]
    uv: Float[np.ndarray, "V H W 2"]
    weight: Float[np.ndarray, "V H W"]
    kind: tuple[Kind, ...]
    cameras: tuple[Camera, ...]

    @property
    def num_views(self) -> int:
        return self.labels.shape[0]
