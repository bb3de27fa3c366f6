"""From a lens with distortion to a pinhole picture: intrinsics and sampling maps."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, UInt8

from diffproxy.cameras.camera import Camera
from diffproxy.utils.errors import InputError


def pinhole_K(camera: Camera, alpha: float | int) -> Float[np.ndarray, "3 3"]:
    """Intrinsics of the replacing pinhole camera of the same size; `alpha` as in `Camera.undistorted`."""
    if not 0.0 <= alpha <= 1.0:
        raise InputError("alpha between 0 and 1", f"{alpha}", "0 cuts the borders, 1 keeps every pixel")
    w, h, steps = camera.width, camera.height, 65
    x, y = np.linspace(0.0, w, steps), np.linspace(0.0, h, steps)
    sides = {
        "left": np.stack([np.zeros(steps), y], -1),
        "right": np.stack([np.full(steps, float(w)), y], -1),
        "top": np.stack([x, np.zeros(steps)], -1),
        "bottom": np.stack([x, np.full(steps, float(h))], -1),
    }
    # positions of the border in a pinhole picture with the same K
    n = {
        side: camera.normalized(points) @ camera.K[:2, :2].T + camera.K[:2, 2]
        for side, points in sides.items()
    }
    if not all(np.isfinite(points).all() for points in n.values()):
        raise InputError(
            f"a lens model of camera {camera.name} that covers the whole picture {w}x{h}",
            f"distortion {camera.distortion.tolist()}, which has no inverse at the border",
            "check the coefficients and the image size, or calibrate with points near the border",
        )
    inner = [n["left"][:, 0].max(), n["top"][:, 1].max(), n["right"][:, 0].min(), n["bottom"][:, 1].min()]
    outer = [n["left"][:, 0].min(), n["top"][:, 1].min(), n["right"][:, 0].max(), n["bottom"][:, 1].max()]
    boxes = []
    for (x0, y0, x1, y1), fit in ((inner, max), (outer, min)):
        if not (x1 > x0 and y1 > y0):
            raise InputError(
                f"moderate distortion of camera {camera.name}",
                "no rectangle without black borders",
                "use a larger alpha",
            )
        zoom = fit(w / (x1 - x0), h / (y1 - y0))
        boxes.append((np.log(zoom), (x0 + x1) / 2, (y0 + y1) / 2))
    log_zoom, mid_x, mid_y = (1 - alpha) * np.array(boxes[0]) + alpha * np.array(boxes[1])
    zoom = np.exp(log_zoom)
    A = np.array([[zoom, 0.0, w / 2 - zoom * mid_x], [0.0, zoom, h / 2 - zoom * mid_y], [0.0, 0.0, 1.0]])
    return A @ camera.K


def sampling_maps(
    source: Camera, target: Camera
) -> tuple[Float32[np.ndarray, "H W"], Float32[np.ndarray, "H W"]]:
    """For each pixel of the pinhole `target`: column and row to read in the picture of `source` (cv2.remap).

    Both cameras must stand at the same place with the same axes; `target` may be a crop of the undistorted
    camera. The maps are array indices (pixel coordinates minus 0.5); outside the picture they point anywhere.
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
    # the outer half of a border pixel is still picture: read the border there, do not blend it with black
    last = np.array([source.width, source.height]) - 1.0
    rim = (pixels > -0.51) & (pixels < last + 0.51)
    pixels = np.where(rim, np.clip(pixels, 0.0, last), pixels)
    return pixels[..., 0].astype(np.float32), pixels[..., 1].astype(np.float32)


def undistort_image(
    image: UInt8[np.ndarray, "h w 3"], maps: tuple[Float32[np.ndarray, "H W"], Float32[np.ndarray, "H W"]]
) -> UInt8[np.ndarray, "H W 3"]:
    """Resample with `sampling_maps`; bilinear, black outside."""
    import cv2

    return cv2.remap(image, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
