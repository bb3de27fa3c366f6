"""Stage 1 of a fit: what the maps of one subject show, as pairs of a pixel and a point of the body's surface."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.terms.correspondences import Correspondences, driving_joints, sample_correspondences
from diffproxy.fitting.terms.keypoints import Keypoints
from diffproxy.fitting.terms.left_right import LabelFlips
from diffproxy.fitting.terms.silhouette import Silhouette
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError


@dataclass(frozen=True)
class ObservedSubject:
    """Everything that later stages know of a subject's images.

    Attributes:
        maps: The proxies.
        flips: The sampled pixels with the labels that they state, and with left and right exchanged.
        silhouette: The foregrounds of the body views.
        keypoints: Keypoints of known accuracy, in pixels of the maps.
        body_views: Body views with enough foreground pixels to count as showing the person.
        most_pixels: Usable pixels of the body view that shows most of them.
        seconds: Time spent here.
    """

    maps: ProxyMaps
    flips: LabelFlips
    silhouette: Silhouette
    keypoints: Keypoints | None
    body_views: tuple[int, ...]
    most_pixels: int
    seconds: float

    @property
    def pixels(self) -> Correspondences:
        """The sampled pixels with the labels that they state."""
        return self.flips.stated

    @property
    def num_body_views(self) -> int:
        return len(self.body_views)


def gather_correspondences(
    maps: ProxyMaps, body: BodyModel, config: FitConfig, keypoints: Keypoints | None = None
) -> ObservedSubject:
    """Sample the maps of one subject.

    Args:
        maps: Proxies in pinhole cameras.
        body: Body model whose atlas the labels and UV coordinates refer to.
        config: Numbers of pixels, least weights, and whether hand maps are used.
        keypoints: Keypoints to be fitted together with the proxies.

    Returns:
        The correspondences, silhouettes and keypoints of the subject.

    Raises:
        InputError: If a camera has lens distortion.
    """
    if any(c.distortion.size and np.any(c.distortion) for c in maps.cameras):
        raise InputError(
            "proxy maps of pinhole cameras",
            "a camera with lens distortion",
            "undistort images before cropping them",
        )
    began = time.perf_counter()
    pixels = sample_correspondences(maps, body, config.max_pixels, config.min_weight, config.hands)
    counts = np.bincount(pixels.view, minlength=maps.num_views)
    is_body = np.array([kind == "body" for kind in maps.kind], dtype=bool)
    shows_person = (counts >= config.min_pixels) & is_body
    return ObservedSubject(
        maps=maps,
        flips=LabelFlips.of(pixels, body, driving_joints(body, pixels.label)),
        silhouette=Silhouette(maps, pixels, body, config.min_pixels),
        keypoints=keypoints,
        body_views=tuple(int(v) for v in np.flatnonzero(shows_person)),
        most_pixels=int(counts[is_body].max()) if is_body.any() else 0,
        seconds=time.perf_counter() - began,
    )
