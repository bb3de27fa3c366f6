"""Checks of the inputs of the pipeline: square crops in [0, 1], a pinhole camera and a kind for each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from diffproxy.cameras import Camera
from diffproxy.proxies.maps import KINDS
from diffproxy.utils.errors import InputError


def check_images(images: Tensor) -> None:
    """InputError unless `images` are square float RGB crops in [0, 1], at least one."""
    views, channels, height, width = images.shape
    if height != width or channels != 3 or not images.numel():
        raise InputError(
            "square RGB crops, at least one",
            f"{views} images of {channels} channels, {width} x {height} pixels",
            "crop with Camera.crop and a square box",
        )
    low, high = images.aminmax() if images.is_floating_point() else (torch.tensor(0), torch.tensor(255))
    if not images.is_floating_point() or not bool(torch.isfinite(images).all()) or low < 0 or high > 1:
        raise InputError(
            "float RGB in [0, 1]",
            f"{images.dtype} in [{float(low):g}, {float(high):g}]",
            "divide 8-bit images by 255",
        )


def check_inputs(
    images: Tensor, cameras: Sequence[Camera], kinds: Sequence[str], num_samples: int, steps: int | None
) -> None:
    """InputError unless the arguments of `DiffProxyPipeline.__call__` fit together."""
    check_images(images)
    views, (height, width) = images.shape[0], images.shape[-2:]
    if not (len(cameras) == len(kinds) == views):
        raise InputError(
            "as many cameras and kinds as images",
            f"{views} images, {len(cameras)} cameras, {len(kinds)} kinds",
            "give one of each per view",
        )
    for camera in cameras:
        if (camera.width, camera.height) != (width, height):
            raise InputError(
                f"the camera of the crop itself ({width} x {height})",
                f"camera {camera.name!r} of {camera.width} x {camera.height}",
                "pass camera.crop(box, (size, size))",
            )
        if camera.distortion.size:
            raise InputError(
                "pinhole cameras", f"{camera.name!r} has lens distortion", "undistort images first"
            )
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise InputError(f"kinds among {KINDS}", str(unknown), "use 'body' for whole-person crops")
    if num_samples < 1 or (steps is not None and steps < 0):
        found = f"num_samples={num_samples}, num_inference_steps={steps}"
        raise InputError("num_samples >= 1 and num_inference_steps >= 0", found, "raise them")
