"""Pictures of the cameras in one frame, with the proxies of the run over them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from diffproxy.cameras import Camera, RigFrames
from diffproxy.export.run import Run
from diffproxy.proxies import load_proxies
from diffproxy.utils.errors import InputError
from diffproxy.visualization.maps import draw_labels
from diffproxy.visualization.sheet import shrink

SIDE = 640  # pixels of the longer side


def frame_pictures(
    frames: RigFrames, runs: Sequence[Run], frame_id: int, proxies: bool
) -> dict[str, UInt8[np.ndarray, "_ _ 3"]]:
    """Camera -> small RGB picture of one frame, of the images that can be read.

    Args:
        frames: The rig with its images.
        runs: One run per person, whose saved proxies are drawn.
        frame_id: Frame number; one that the rig does not have gives no pictures.
        proxies: Draw part labels over the pictures.
    """
    if frame_id not in frames.frame_ids:
        return {}
    views = zip(frames.cameras, frames.read_views(frame_id).images, strict=True)
    pictures = {c.name: image for c, image in views if image is not None}
    if proxies:
        for run in runs:
            _draw_proxies(pictures, frames.cameras, run, frame_id)
    return {name: shrink(image, SIDE) for name, image in pictures.items()}


def _draw_proxies(
    pictures: dict[str, np.ndarray], cameras: Sequence[Camera], run: Run, frame_id: int
) -> None:
    try:
        maps, _ = load_proxies(run.folder / "proxies" / f"{frame_id:06d}", run.body)
    except InputError:  # a run of other proxies, or one whose proxies have been removed
        return
    by_name = {c.name: c for c in cameras}
    for crop, kind, labels in zip(maps.cameras, maps.kind, maps.labels, strict=True):
        camera = by_name.get(crop.name)
        if kind != "body" or camera is None or crop.name not in pictures:
            continue
        # same centre, other intrinsics and rotation: pixels of the crop go to the picture by a homography
        H = camera.K @ camera.R_cam_world @ crop.R_cam_world.T @ np.linalg.inv(crop.K)
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's pixel centres are integers
        placed = cv2.warpPerspective(
            labels, np.linalg.inv(half) @ H @ half, (camera.width, camera.height), flags=cv2.INTER_NEAREST
        )
        pictures[crop.name] = draw_labels(placed, run.body.atlas.palette, pictures[crop.name])
