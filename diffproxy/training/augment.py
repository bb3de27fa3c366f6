"""One view, augmented: crop jitter and roll for image, proxy and camera; photometric effects for the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras import Camera
from diffproxy.proxies.flip import MIRROR_KIND, MirrorTable, mirror_camera
from diffproxy.proxies.maps import Kind
from diffproxy.training.photometric import photometric
from diffproxy.training.warp import Similarity, warp_camera, warp_image, warp_nearest


@dataclass
class AugmentConfig:  # not frozen: OmegaConf would refuse to override its fields
    margin: tuple[float, float] = (1.0, 1.7)  # side of the crop over the longer side of what it shows
    whole: float = 0.15  # chance to take the stored crop as it is instead
    shift: float = 0.10  # of the crop's side
    roll_deg: float = 12.0  # standard deviation
    any_roll: float = (
        0.1  # chance of a roll drawn from all angles: people lie and hang, cameras stand on their side
    )
    photometric: float = 1.0  # strength; 0 switches it off
    mirror: float = 0.5  # chance, for all views of a sample together


@dataclass(frozen=True)
class View:
    """One supervised view: RGB image, labels, UV and the camera of exactly these pixels."""

    image: UInt8[np.ndarray, "H W 3"]
    labels: UInt8[np.ndarray, "h w"]
    uv: Float[np.ndarray, "h w 2"]
    camera: Camera
    kind: Kind


def draw_warp(view: View, rng: np.random.Generator, config: AugmentConfig, size: int) -> Similarity:
    """A crop about what the view shows of the subject, as the capture makes them, with jitter and roll."""
    side = float(view.image.shape[0])
    center = np.full(2, side / 2)
    rows, cols = np.nonzero(view.labels)
    if rows.size and rng.random() >= config.whole:
        low, high = np.array([cols.min(), rows.min()]), np.array([cols.max() + 1, rows.max() + 1])
        margin = np.exp(rng.uniform(*np.log(config.margin)))
        center, side = (low + high) / 2, max(16.0, float((high - low).max()) * margin)
    turned = rng.random() < config.any_roll
    angle = float(np.radians(rng.uniform(-180, 180) if turned else rng.normal(0, config.roll_deg)))
    return Similarity.of_square(center, side, size, angle, rng.uniform(-config.shift, config.shift, 2))


def augment_view(
    view: View,
    rng: np.random.Generator,
    config: AugmentConfig,
    image_size: int,
    proxy_size: int,
    mirror: MirrorTable | None,
) -> View:
    """Draw one augmentation of `view`; pass `mirror` to also reflect it (all views of a sample or none)."""
    warp = draw_warp(view, rng, config, image_size)
    gray = int(rng.integers(0, 256)) if rng.random() < 0.5 else 0
    image = warp_image(view.image, warp, image_size, (gray, gray, gray))
    labels, uv = warp_nearest((view.labels, view.uv), warp.resized(proxy_size / image_size), proxy_size)
    camera, kind = warp_camera(view.camera, warp, image_size), view.kind
    if mirror is not None:
        image, camera, kind = np.ascontiguousarray(image[:, ::-1]), mirror_camera(camera), MIRROR_KIND[kind]
        labels, uv = mirror.apply(labels, uv)
    if config.photometric:
        image = photometric(image, rng, config.photometric)
    return View(image, np.ascontiguousarray(labels), np.ascontiguousarray(uv), camera, kind)
