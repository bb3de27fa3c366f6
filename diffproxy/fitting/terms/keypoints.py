"""Keypoints of known accuracy as rows of the data term, beside the pixels of the proxies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.fitting.observations import ObservationRows, metres_per_pixel
from diffproxy.fitting.terms.correspondences import Correspondences
from diffproxy.utils.checked import checked
from diffproxy.utils.short_repr import short_repr


@checked
@dataclass(frozen=True)
class Keypoints:
    """N keypoints in pixels of the proxy maps.

    Attributes:
        body: the body with a face for each keypoint after its own faces.
        rows: view, pixel and face of each keypoint; label 0, as no part of the proxies is meant.
        std: deviation of the point's place on the body, metres.
        std_px: deviation in the image along each axis, pixels of the map.
    """

    body: BodyModel
    rows: Correspondences
    std: Float[np.ndarray, " N"]
    std_px: Float[np.ndarray, " N"]

    __repr__ = short_repr

    def observations(self, cameras: tuple[Camera, ...], center: Float[np.ndarray, "3"]) -> ObservationRows:
        """The keypoints with their standard deviations in metres on the plane through `center` (world, metres)."""
        sigma = np.hypot(self.std, self.std_px * metres_per_pixel(cameras, center)[self.rows.view])
        return ObservationRows.of(self.rows, sigma=sigma)
