"""What can be wrong with a rig or its images, applied to the proxies that a good rig gave.

The network reads every crop by itself, so that a camera that lies changes the fit and not the proxies; a mirrored
image gives mirrored proxies (the packaged options average over the mirrored crop anyway).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.proxies.flip import FLIPPED_KIND, flip_table

Disturbance = Callable[[Generated, BodyModel, float | None], Generated]
COCO_MIRROR = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]


def _window(box: Box, size: int) -> np.ndarray:
    """From pixels of the full image to pixels of the crop."""
    s, t = size / (box[2] - box[0]), size / (box[3] - box[1])
    return np.array([[s, 0, -s * box[0]], [0, t, -t * box[1]], [0, 0, 1.0]])


def _full(camera: Camera, box: Box) -> Camera:
    """The camera of the full image of a crop (its width and height are not known)."""
    return replace(camera, K=np.linalg.inv(_window(box, camera.width)) @ camera.K)


def _at(camera: Camera, box: Box, size: int) -> Camera:
    return replace(camera, K=_window(box, size) @ camera.K, width=size, height=size)


def _with_cameras(made: Generated, cameras: list[Camera]) -> Generated:
    return replace(made, maps=replace(made.maps, cameras=tuple(cameras)))


def _names(made: Generated) -> list[str]:
    return list(dict.fromkeys(c.name for c in made.maps.cameras))


def exchanged(made: Generated, body: BodyModel, width: float | None) -> Generated:
    """The images of the first two views exchanged."""
    first, second = _names(made)[:2]
    full = {c.name: _full(c, b) for c, b in zip(made.maps.cameras, made.boxes, strict=True)}
    swap = {first: second, second: first}
    return _with_cameras(
        made,
        [
            _at(full[swap.get(c.name, c.name)], box, c.width)
            for c, box in zip(made.maps.cameras, made.boxes, strict=True)
        ],
    )


def mirrored(made: Generated, body: BodyModel, width: float | None) -> Generated:
    """Every image mirrored left to right."""
    maps, table = made.maps, flip_table(body)
    flips = [table.apply(labels, uv) for labels, uv in zip(maps.labels, maps.uv, strict=True)]
    cameras, boxes = [], []
    for camera, (x0, y0, x1, y1) in zip(maps.cameras, made.boxes, strict=True):
        full = _full(camera, (x0, y0, x1, y1))
        wide = width or 2 * float(full.K[0, 2])
        boxes.append((wide - x1, y0, wide - x0, y1))
        cameras.append(_at(full, boxes[-1], camera.width))
    keypoints = made.keypoints
    if keypoints is not None:
        keypoints = keypoints[:, COCO_MIRROR].copy()
        keypoints[..., 0] = maps.labels.shape[2] - keypoints[..., 0]
    changed = replace(
        maps,
        labels=np.stack([f[0] for f in flips]),
        uv=np.stack([f[1] for f in flips]),
        weight=maps.weight[..., ::-1].copy(),
        kind=tuple(FLIPPED_KIND[k] for k in maps.kind),
        cameras=tuple(cameras),
        std=None if maps.std is None else maps.std[..., ::-1].copy(),
        valid=None if maps.valid is None else maps.valid[..., ::-1].copy(),
    )
    return replace(made, maps=changed, boxes=tuple(boxes), keypoints=keypoints)


def one_image(made: Generated, body: BodyModel, width: float | None) -> Generated:
    """The image of the first view in all cameras."""
    bodies = [v for v, kind in enumerate(made.maps.kind) if kind == "body"]
    box, size = made.boxes[bodies[0]], made.maps.cameras[0].width
    cameras = [_at(_full(made.maps.cameras[v], made.boxes[v]), box, size) for v in bodies]
    maps = replace(made.maps.select([bodies[0]] * len(bodies)), cameras=tuple(cameras))
    keypoints = None if made.keypoints is None else made.keypoints[[bodies[0]] * len(bodies)]
    return Generated(maps, (box,) * len(bodies), keypoints=keypoints)


def turned(axis: int, degrees: float) -> Disturbance:
    """The first camera turned about one of its own axes (0 tilted, 1 panned, 2 rolled), its centre kept."""
    rotation = cv2.Rodrigues(np.radians(degrees) * np.eye(3)[axis])[0]

    def change(made: Generated, body: BodyModel, width: float | None) -> Generated:
        first = _names(made)[0]
        return _with_cameras(
            made,
            [
                replace(c, R_cam_world=rotation @ c.R_cam_world, t_cam_world=rotation @ c.t_cam_world)
                if c.name == first
                else c
                for c in made.maps.cameras
            ],
        )

    return change


def scaled(made: Generated, body: BodyModel, width: float | None) -> Generated:
    """All positions of cameras times 1.5."""
    return _with_cameras(made, [replace(c, t_cam_world=1.5 * c.t_cam_world) for c in made.maps.cameras])


DISTURBANCES: dict[str, Disturbance] = {
    "two views exchanged": exchanged,
    "mirrored": mirrored,
    "one camera rolled by 10 degrees": turned(2, 10),
    "one camera rolled by 6 degrees": turned(2, 6),
    "one camera panned by 10 degrees": turned(1, 10),
    "one camera panned by 4 degrees": turned(1, 4),
    "one image in all cameras": one_image,
    "positions times 1.5": scaled,
}


def noise(image: np.ndarray) -> np.ndarray:
    """Uniform random bytes."""
    return np.random.default_rng(int(image[::17, ::13].sum())).integers(0, 256, image.shape, dtype=np.uint8)


def empty_room(image: np.ndarray) -> np.ndarray:
    """A wall above a floor, with a door and a window."""
    h, w = image.shape[:2]
    out = np.full_like(image, (205, 200, 190))
    out[int(0.7 * h) :] = (120, 95, 70)
    out[int(0.25 * h) : int(0.7 * h), int(0.1 * w) : int(0.3 * w)] = (150, 110, 80)
    out[int(0.2 * h) : int(0.45 * h), int(0.6 * w) : int(0.85 * w)] = (225, 235, 245)
    return out


def animal(image: np.ndarray) -> np.ndarray:
    """A drawn four-legged animal before a grey wall."""
    h, w = image.shape[:2]
    out, coat = np.full_like(image, 150), (110, 75, 45)
    cv2.ellipse(out, (w // 2, h // 2), (int(0.26 * w), int(0.11 * h)), 0, 0, 360, coat, -1)
    cv2.ellipse(out, (int(0.78 * w), int(0.38 * h)), (int(0.1 * w), int(0.07 * h)), 20, 0, 360, coat, -1)
    for x in (0.3, 0.37, 0.63, 0.7):
        cv2.rectangle(out, (int(x * w), h // 2), (int((x + 0.04) * w), int(0.85 * h)), coat, -1)
    cv2.line(out, (int(0.26 * w), h // 2), (int(0.14 * w), int(0.62 * h)), coat, max(2, w // 40))
    return out


IMAGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "noise": noise,
    "an empty room": empty_room,
    "an animal": animal,
}
