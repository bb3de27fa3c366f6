"""The body drawn over a photograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8

from diffproxy.cameras import Camera
from diffproxy.proxies.surface import Mesh, SurfaceView, render_surface
from diffproxy.utils.errors import InputError
from diffproxy.visualization.shading import shade

BODY_COLOR = (0.55, 0.78, 0.98)
OUTLINE_COLOR = (255, 255, 255)


def overlay_body(
    image: UInt8[np.ndarray, "H W 3"],
    camera: Camera,
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    alpha: float = 0.75,
    color: Float[np.ndarray, "Nf 3"] | tuple[float, float, float] = BODY_COLOR,
    occluders: Sequence[Mesh] | None = None,
    outline: bool = True,
) -> UInt8[np.ndarray, "H W 3"]:
    """A copy of the RGB `image` with the shaded body blended in (alpha 1 hides the photograph).

    `camera` is that of the image itself, lens distortion included; `color` is RGB in [0, 1], one or one per face.
    `outline` draws the silhouette as a thin line, which shows misalignment best.
    """
    if image.shape[:2] != (camera.height, camera.width):
        raise InputError(
            f"an image of {camera.width}x{camera.height}, as camera {camera.name} says",
            f"{image.shape[1]}x{image.shape[0]}",
            "use the camera of this image: camera.on_picture(width, height) or camera.crop(...)",
        )
    (view,) = render_surface(vertices, faces, [camera], occluders)
    shaded = 255 * shade(view, vertices, faces, camera, color)
    out = image.astype(np.float32)
    seen = view.visible
    out[seen] = (1 - alpha) * out[seen] + alpha * shaded[seen]
    result = np.round(out).clip(0, 255).astype(np.uint8)
    if outline:
        result[silhouette(view)] = OUTLINE_COLOR
    return result


def silhouette(view: SurfaceView) -> np.ndarray:
    """The visible pixels (H, W bool) that touch, by a side, a pixel without visible body."""
    padded = np.pad(view.visible, 1, mode="edge")  # the image's border is no outline
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return view.visible & ~inner
