"""Resampling images with lens distortion to those of a pinhole camera."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from diffproxy.cameras.camera import Camera
from diffproxy.utils.errors import InputError


def sampling_maps(
    source: Camera, target: Camera
) -> tuple[Float32[np.ndarray, "H W"], Float32[np.ndarray, "H W"]]:
    """Maps for `cv2.remap` from an image with distortion to a pinhole camera at the same place.

    Args:
        source: The camera of the image.
        target: A pinhole camera with the same pose; it may be a crop of the undistorted camera.

    Returns:
        Column and row (H, W) in the image of `source`, for each pixel of `target`, as array indices (pixel coordinates
        minus 0.5); arbitrary outside the image.
    """
    if not target.is_pinhole:
        raise InputError(
            "a pinhole target camera", f"{target.name} has distortion", "use camera.undistorted()"
        )
    turned = np.abs(source.R_cam_world - target.R_cam_world).max() > 1e-9
    if turned or np.abs(source.t_cam_world - target.t_cam_world).max() > 1e-9:
        raise InputError(
            "two cameras with equal extrinsics", f"{source.name} and {target.name}", "undistort only"
        )
    x, y = np.meshgrid(np.arange(target.width) + 0.5, np.arange(target.height) + 0.5)
    rays = target.normalized(np.stack([x, y], -1))
    points = np.concatenate([rays, np.ones_like(rays[..., :1])], -1)
    at_origin = Camera(
        source.name,
        source.width,
        source.height,
        source.K,
        np.eye(3),
        np.zeros(3),
        source.distortion,
        source.lens,
    )
    pixels = np.nan_to_num(at_origin.project(points), nan=-1e4) - 0.5
    # the outer half of a border pixel belongs to the image: repeat the border there instead of blending it with black
    last = np.array([source.width, source.height]) - 1.0
    rim = (pixels > -0.51) & (pixels < last + 0.51)
    pixels = np.where(rim, np.clip(pixels, 0.0, last), pixels)
    return pixels[..., 0].astype(np.float32), pixels[..., 1].astype(np.float32)


def undistort_image(
    image: UInt8[np.ndarray, "h w 3"], maps: tuple[Float32[np.ndarray, "H W"], Float32[np.ndarray, "H W"]]
) -> UInt8[np.ndarray, "H W 3"]:
    """Resample an image with `sampling_maps`; bilinear.

    Args:
        image: (h, w, 3) RGB.
        maps: Result of `sampling_maps`.

    Returns:
        (H, W, 3) RGB, black outside the image.
    """
    import cv2

    return cv2.remap(image, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
