"""`DiffProxyOutput`: what the pipeline predicts for one group of views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.proxies.maps import ProxyMaps
from diffproxy.utils.checked import checked
from diffproxy.utils.short_repr import short_repr


@checked
@dataclass(frozen=True)
class DiffProxyOutput:
    """Predictions for V views of one subject.

    Attributes:
        proxies: labels (V, P, P) uint8, uv (V, P, P, 2) in [0, 1], weight (V, P, P) in [0, 1], the kind of each view,
            and the pinhole cameras of the maps; P is the generator's `proxy_size`.
        keypoints: (V, 17, 4) float: COCO keypoints as x, y in pixels of the maps (seen by `proxies.cameras`), the
            confidence in [0, 1] and the standard deviation along each axis in pixels of the maps. The confidence is 0
            in hand views. None if the encoder has no keypoint heads.
        quarter_turns: by how many counter-clockwise quarter turns each view was rotated before it was predicted
            (`test_time_rotation`), () if none was; maps, cameras and keypoints are those of the views as given.
    """

    proxies: ProxyMaps
    keypoints: Float[np.ndarray, "V 17 4"] | None = None
    quarter_turns: tuple[int, ...] = ()

    __repr__ = short_repr
