"""Augmentation of one view: crop and roll of image, proxy and camera together; photometric effects of the image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from diffproxy.cameras import Camera
from diffproxy.datasets.photometric import photometric
from diffproxy.proxies.flip import FLIPPED_KIND, FlipTable, flip_camera
from diffproxy.proxies.maps import Kind
from diffproxy.training.config import AugmentConfig
from diffproxy.training.warp import Similarity, warp_camera, warp_image, warp_nearest


@dataclass(frozen=True)
class View:
    """One supervised view: RGB image, labels, UV and the camera of exactly these pixels."""

    image: UInt8[np.ndarray, "H W 3"]
    labels: UInt8[np.ndarray, "h w"]
    uv: Float[np.ndarray, "h w 2"]
    camera: Camera
    kind: Kind


#: Parts that stay visible when the frame cuts a person off, with probabilities. Upper bodies: desks and webcams.
SHOWN: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.3, ("head", "chest", "upper_arm", "forearm", "hand")),
    (0.15, ("head", "chest", "abdomen", "upper_arm", "thigh")),
    (0.1, ("thigh", "shin", "foot", "abdomen")),
    (0.1, ("head", "chest")),
)
#: Share of the cut-off views whose crop lies around the whole body, as the pipeline's second crop does (it holds the
#: body fitted to the first one); the others lie around what the frame shows.
WHOLE_BODY = 0.5


def draw_shown(rng: np.random.Generator, names: dict[int, str]) -> tuple[int, ...] | None:
    """Labels that stay visible in the frames of a sample; None: the edges of each frame are drawn independently."""
    u = rng.random()
    for share, parts in SHOWN:
        if u < share:
            return tuple(i for i, name in names.items() if any(part in name for part in parts))
        u -= share
    return None


def draw_frame(
    labels: UInt8[np.ndarray, "h w"], rng: np.random.Generator, shown: tuple[int, ...] | None
) -> Float[np.ndarray, "4"]:
    """Left, top, right and bottom edge of a frame that cuts the person off, in pixels of the view.

    Around the parts `shown`, with up to 8 % of the person's size as jitter; or with one edge that removes up to 60 %
    of the person's height or width, or two that remove up to 40 % each. The whole view where no pixel has a label.
    """
    height, width = labels.shape
    frame = np.array([0.0, 0.0, width, height])
    rows, columns = np.nonzero(labels)
    if not rows.size:
        return frame
    low, high = np.array([columns.min(), rows.min()]), np.array([columns.max() + 1, rows.max() + 1])
    size = high - low
    kept_rows, kept_columns = np.nonzero(np.isin(labels, shown)) if shown is not None else (rows, columns)
    if shown is not None and kept_rows.size:
        kept_low = np.array([kept_columns.min(), kept_rows.min()])
        kept_high = np.array([kept_columns.max() + 1, kept_rows.max() + 1])
        jitter = rng.uniform(-0.08, 0.08, 4) * np.tile(size, 2)
        # An edge beyond which the person does not reach stays where it is.
        frame = np.where(np.concatenate([kept_low - low, high - kept_high]) > 0.12 * np.tile(size, 2),
                         np.concatenate([kept_low, kept_high]) + jitter, frame)  # fmt: skip
    else:
        edges = rng.choice(4, int(rng.integers(1, 3)), replace=False)
        for edge in edges:
            inwards = rng.uniform(0.1, 0.6 if len(edges) == 1 else 0.4) * size[edge % 2]
            frame[edge] = low[edge] + inwards if edge < 2 else high[edge - 2] - inwards
    return np.round(frame)


def cut_off(view: View, frame: Float[np.ndarray, "4"], color: tuple[int, int, int]) -> View:
    """The view as a camera whose frame ends at these edges sees it: `color` and no labels beyond them."""
    left, top, right, bottom = frame.astype(int).clip(0)
    inside = np.zeros(view.labels.shape, dtype=bool)
    inside[top:bottom, left:right] = True
    return replace(
        view,
        image=np.where(inside[..., None], view.image, np.array(color, np.uint8)),
        labels=np.where(inside, view.labels, 0).astype(np.uint8),
    )


def draw_warp(
    labels: UInt8[np.ndarray, "h w"], rng: np.random.Generator, config: AugmentConfig, size: int
) -> Similarity:
    """A crop around the labelled pixels, as the pipeline crops, with random scale, shift and roll."""
    side = float(labels.shape[0])
    center = np.full(2, side / 2)
    rows, cols = np.nonzero(labels)
    if rows.size and rng.random() >= config.keep_crop:
        low, high = np.array([cols.min(), rows.min()]), np.array([cols.max() + 1, rows.max() + 1])
        scale = np.exp(rng.uniform(*np.log(config.crop_scale)))
        center, side = (low + high) / 2, max(16.0, float((high - low).max()) * scale)
    turned = rng.random() < config.uniform_roll
    angle = float(np.radians(rng.uniform(-180, 180) if turned else rng.normal(0, config.roll_deg)))
    return Similarity.of_square(center, side, size, angle, rng.uniform(-config.shift, config.shift, 2))


def augment_view(
    view: View,
    rng: np.random.Generator,
    config: AugmentConfig,
    image_size: int,
    proxy_size: int,
    flip: FlipTable | None,
    cut: bool = False,
    shown: tuple[int, ...] | None = None,
) -> View:
    """Draw one augmentation of a view: image, labels, UV and camera change together.

    Args:
        view: As it is in the shard.
        rng: Source of randomness.
        config: Ranges and probabilities.
        image_size: Side of the new image, pixels.
        proxy_size: Side of the new labels and UV, pixels.
        flip: Labels and UV of the mirrored body: flips the view. None: it stays. All views of a sample are flipped, or
            none.
        cut: Cut the person off by the edges of the frame (`draw_frame`).
        shown: Labels that such a frame shows; None: its edges are drawn independently.

    Returns:
        The view, with the camera of exactly its pixels.
    """
    gray = int(rng.integers(0, 256)) if rng.random() < 0.5 else 0
    around = view.labels
    if cut:
        view = cut_off(view, draw_frame(view.labels, rng, shown), (gray, gray, gray))
        if rng.random() >= WHOLE_BODY:
            around = view.labels
    warp = draw_warp(around, rng, config, image_size)
    image = warp_image(view.image, warp, image_size, (gray, gray, gray))
    labels, uv = warp_nearest((view.labels, view.uv), warp.resized(proxy_size / image_size), proxy_size)
    camera, kind = warp_camera(view.camera, warp, image_size), view.kind
    if flip is not None:
        image, camera, kind = np.ascontiguousarray(image[:, ::-1]), flip_camera(camera), FLIPPED_KIND[kind]
        labels, uv = flip.apply(labels, uv)
    if config.photometric:
        image = photometric(image, rng, config.photometric)
    return View(image, np.ascontiguousarray(labels), np.ascontiguousarray(uv), camera, kind)
