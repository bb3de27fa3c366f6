"""A rendered subject as the layouts of published data sets store it, and what their writers share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.datasets.shards import ShardIndex
from diffproxy.utils.errors import InputError

BODY = slice(0, 66)
NUM_VIEWS = 4


@dataclass(frozen=True)
class Take:
    """One subject: what the layouts store of it. Lengths in metres, the body's scale taken out."""

    images: list[UInt8[np.ndarray, "H W 3"]]
    cameras: list[Camera]
    full_pose: Float[np.ndarray, " 165"]
    betas: Float[np.ndarray, " 10"]
    expression: Float[np.ndarray, " 10"]
    transl: Float[np.ndarray, " 3"]
    vertices: Float[np.ndarray, "Nv 3"]


def take_of(index: ShardIndex, sample: int, body: BodyModel) -> Take:
    """The first body views of a sample. InputError if it has fewer than four."""
    numbers = [j for j, k in enumerate(index.kinds(sample)) if k == "body"][:NUM_VIEWS]
    if len(numbers) < NUM_VIEWS:
        raise InputError(
            f"{NUM_VIEWS} body views in {index.key(sample)}", f"{len(numbers)}", "render with views=4"
        )
    views, params = [index.view(sample, j) for j in numbers], index.params(sample).to(torch.float64)
    scale = float(params.scale)
    unit = params.replace(scale=torch.ones_like(params.scale), transl=params.transl / scale)
    arrays = {k: getattr(unit, k)[0].numpy() for k in ("full_pose", "betas", "expression", "transl")}
    cameras = [
        Camera(c.name, c.width, c.height, c.K, c.R_cam_world, c.t_cam_world / scale)
        for c in (v.camera for v in views)
    ]
    with torch.no_grad():
        vertices = body.double()(unit).vertices[0].numpy()
    return Take([v.rgb for v in views], cameras, **arrays, vertices=vertices)


def on_canvas(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image in the upper left corner of a grey one of (width, height)."""
    canvas = np.full((size[1], size[0], 3), 128, np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    return canvas


def encode_image(image: np.ndarray, size: tuple[int, int], suffix: str) -> bytes:
    """The file of an RGB image on a canvas of (width, height) pixels."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, 100] if suffix == ".jpg" else []
    return cv2.imencode(suffix, on_canvas(image, size)[..., ::-1], quality)[1].tobytes()


def save_image(path: Path, image: np.ndarray, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_image(image, size, path.suffix))


def opencv_K(camera: Camera) -> np.ndarray:
    """Intrinsics with the centre of the first pixel at 0."""
    K = camera.K.copy()
    K[:2, 2] -= 0.5
    return K
