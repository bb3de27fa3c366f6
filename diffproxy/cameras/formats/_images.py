"""Formats that have one pose an image: which camera an image belongs to, and the images of a camera."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from diffproxy.cameras.camera import Camera
from diffproxy.utils.errors import InputError


def camera_names(images: Sequence[str]) -> list[str]:
    """Camera of each image: its folder where the images lie in several, else its name without the ending."""
    paths = [PurePosixPath(p.replace("\\", "/")) for p in images]
    folders = [p.parent.name for p in paths]
    return folders if len(set(folders)) > 1 and all(folders) else [p.stem for p in paths]


def one_pose_each(cameras: Sequence[Camera], where: str) -> list[Camera]:
    """The first of each name; InputError if a camera's images have different poses, so that it moves."""
    first: dict[str, Camera] = {}
    for c in cameras:
        known = first.setdefault(c.name, c)
        if known is not c and not (
            np.allclose(known.R_cam_world, c.R_cam_world, atol=1e-6)
            and np.allclose(known.t_cam_world, c.t_cam_world, atol=1e-6)
        ):
            raise InputError(
                f"one pose of camera {c.name} in {where}",
                "images with different poses: this camera moves, or its images were aligned one by one",
                "align one image of each camera, in folders named after the cameras",
            )
    return list(first.values())


def first_image(root: Path | None, name: str) -> str:
    """Path of a camera's first image under images/, or the usual one if there is none."""
    from diffproxy.cameras.find_sources import find_sources
    from diffproxy.utils.image_suffixes import IMAGE_SUFFIXES

    source = find_sources(root).get(name) if root is not None and root.is_dir() else None
    if source is not None and source.is_dir():
        files = sorted(p for p in source.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        return f"{name}/{files[0].name}" if files else f"{name}/000000.jpg"
    if source is not None and source.suffix.lower() in IMAGE_SUFFIXES:
        return source.name
    return f"{name}/000000.jpg"
