"""Cameras to start from: guessed from the image size alone, or predicted by a network such as VGGT."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diffproxy.cameras.camera import Camera
from diffproxy.cameras.find_sources import find_sources
from diffproxy.cameras.image_sources import Video, open_source
from diffproxy.cameras.rig import Rig
from diffproxy.cameras.views import chosen_names
from diffproxy.geometry.procrustes import nearest_rotation
from diffproxy.utils.bounded_arrays import as_numbers, read_npz
from diffproxy.utils.bounded_text import read_json
from diffproxy.utils.errors import InputError

FIELD_OF_VIEW = 60.0
"""Degrees along the longer side of an image, without further information: between photo and video mode of a phone."""
FARTHEST = 1e9  # of a camera from the origin of the prediction, in its unit
_EXAMPLE = 'npz or json with "extrinsic" (V, 3, 4), OpenCV camera from world, "intrinsic" (V, 3, 3), and "image_size"'


def guessed_camera(name: str, width: int, height: int, fov_deg: float = FIELD_OF_VIEW) -> Camera:
    """A pinhole at the origin with that field of view along the longer side."""
    f = 0.5 * max(width, height) / math.tan(math.radians(fov_deg) / 2)
    K = np.array([[f, 0.0, width / 2], [0.0, f, height / 2], [0.0, 0.0, 1.0]])
    return Camera(name, width, height, K, np.eye(3), np.zeros(3))


def field_of_view(camera: Camera) -> float:
    """Degrees along the longer side of the image, as `guessed_camera` takes them; the focal length is that of x."""
    return math.degrees(2 * math.atan(max(camera.width, camera.height) / 2 / camera.K[0, 0]))


def guessed_cameras(cameras: Sequence[Camera], fov_deg: float = FIELD_OF_VIEW) -> tuple[Camera, ...]:
    """The same images with nothing known of their cameras but size and name."""
    return tuple(guessed_camera(c.name, c.width, c.height, fov_deg) for c in cameras)


def guessed_rig(folder: Path, fov_deg: float = FIELD_OF_VIEW, images: str = "", views: str = "all") -> Rig:
    """Cameras of the images or videos of a rig folder, of which nothing is known but names and sizes.

    Args:
        folder: Rig folder.
        fov_deg: Field of view along the longer side of the images, degrees.
        images: Folder of the images, if it is neither images/ nor videos/.
        views: Cameras to use, as `chosen_names` takes them; the images of others are not opened.

    Raises:
        InputError: no images, or none of a camera.
    """
    found = find_sources(folder, images)
    if not found:
        raise InputError(f"images/ or videos/ in {folder}", "neither", "name them after the cameras")
    cameras = []
    chosen = chosen_names(views, list(found))
    for name in chosen:
        source = open_source(found[name])
        height, width = source.read(source.frame_ids[0]).shape[:2]
        if isinstance(source, Video):
            source.close()
        cameras.append(guessed_camera(name, width, height, fov_deg))
    left_out = tuple(sorted(set(found) - set(chosen)))
    return Rig(folder.resolve().name, tuple(cameras), root=folder, left_out=left_out)


def load_predicted(path: Path | str, images: Sequence[Camera]) -> tuple[Camera, ...]:
    """Predicted cameras as (rough) cameras of `images` (names and sizes; nothing else of them is used).

    The file holds `extrinsic` (V,3,4) or (V,4,4), world to camera in OpenCV axes; `intrinsic` (V,3,3) in pixels;
    `image_size` (height, width) of the images that the network saw, or (V, 2), if they were resized (else twice the
    principal point); optional `names` (V,). A leading batch axis of one is dropped. The unit of length is arbitrary:
    give a height or a distance when calibrating. InputError if it does not fit the images.
    """
    data = _read(Path(path).expanduser())
    E, K = (_stack(data, key, path) for key in ("extrinsic", "intrinsic"))
    named = data.get("names", [c.name for c in images])
    names = [str(name) for name in np.ravel(np.array(named, dtype=object))]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise InputError(f"each camera once in {path}", f"{', '.join(twice)} twice", "leave one of them out")
    if E.shape[1:] not in ((3, 4), (4, 4)) or K.shape[1:] != (3, 3) or not len(E) == len(K) == len(names):
        raise InputError(
            f"{len(images)} cameras: {_EXAMPLE}",
            f"{E.shape}, {K.shape}, {len(names)} names",
            "see docs/calibration.md",
        )
    missing = [c.name for c in images if c.name not in names]
    if missing:
        raise InputError(f"cameras {', '.join(missing)} in {path}", ", ".join(names), "name them alike")
    sizes = 2 * K[:, (1, 0), 2]
    if "image_size" in data:
        stated = np.atleast_2d(as_numbers(data["image_size"], None, f"image_size in {path}"))
        if stated.ndim > 2 or len(stated) not in (1, len(K)) or stated.shape[1] < 2:
            found = f"shape {stated.shape}"
            raise InputError(
                f"image_size (height, width), or {len(K)} of them, in {path}", found, "export it again"
            )
        sizes = np.broadcast_to(stated[:, -2:], sizes.shape)
    out = []
    for camera in images:
        k = names.index(camera.name)
        height, width = sizes[k]
        if not (height > 0 and width > 0 and K[k, 0, 0] > 0 and K[k, 1, 1] > 0):
            raise InputError(
                f"pixels in the intrinsics of {camera.name}", f"{K[k].tolist()}", "export them in pixels"
            )
        S = np.diag([camera.width / width, camera.height / height, 1.0])
        R = nearest_rotation(E[k, :3, :3])
        if np.abs(R - E[k, :3, :3]).max() > 0.05 or np.abs(E[k, :3, 3]).max() > FARTHEST:
            raise InputError(
                f"rotations and places in {path}",
                f"camera {camera.name}: {E[k, :3].tolist()}",
                "export OpenCV world to camera",
            )
        out.append(replace(camera, K=S @ K[k], R_cam_world=R, t_cam_world=E[k, :3, 3].astype(np.float64)))
    return tuple(out)


def _read(path: Path) -> dict[str, Any]:
    if path.suffix == ".json":
        data = read_json(path, _EXAMPLE)
        if not isinstance(data, dict):
            raise InputError(f"{_EXAMPLE} in {path}", f"a {type(data).__name__}", "export it again")
        return data
    return dict(read_npz(path, _EXAMPLE))


def _stack(data: dict[str, Any], key: str, path: Path | str) -> Float[np.ndarray, "V m n"]:
    for name in (key, f"{key}s", f"{key}_matrix"):
        if name in data:
            values = as_numbers(data[name], None, f"{name} in {path}", f"export {_EXAMPLE}")
            values = values[0] if values.ndim == 4 and len(values) == 1 else values
            if values.ndim != 3:
                raise InputError(_EXAMPLE, f"{name} of shape {values.shape} in {path}", "export it again")
            return values
    raise InputError(_EXAMPLE, f"no {key!r} in {path}", "see docs/calibration.md")
