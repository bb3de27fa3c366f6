"""The body drawn over photographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8

from diffproxy.cameras import Camera
from diffproxy.proxies.surface import Mesh, Surface, SurfaceView
from diffproxy.utils.errors import InputError
from diffproxy.visualization.shading import shade_pixels, vertex_normals

BODY_COLOR = (0.55, 0.78, 0.98)
OUTLINE_COLOR = (255, 255, 255)

Color = Float[np.ndarray, "Nf 3"] | tuple[float, float, float]  # RGB in [0, 1], one or one per face


class BodyPainter:
    """Draws one body into many pictures: search trees and normals are made once. Threads may share it."""

    def __init__(
        self,
        vertices: Float[np.ndarray, "Nv 3"],
        faces: Int[np.ndarray, "Nf 3"],
        occluders: Sequence[Mesh] | None = None,
    ):
        self._surface = Surface(vertices, faces, occluders)
        self._faces, self._normals = faces, vertex_normals(vertices, faces)

    def draw(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        camera: Camera,
        alpha: float = 0.75,
        color: Color = BODY_COLOR,
        outline: bool = True,
    ) -> UInt8[np.ndarray, "H W 3"]:
        """A copy of the RGB `image` with the shaded body blended in (alpha 1 hides the photograph).

        `camera` is that of the image itself, lens distortion included. `outline` draws the silhouette as a thin
        line, which shows misalignment best.
        """
        if image.shape[:2] != (camera.height, camera.width):
            raise InputError(
                f"an image of {camera.width}x{camera.height}, as camera {camera.name} says",
                f"{image.shape[1]}x{image.shape[0]}",
                "use the camera of this image: camera.on_picture(width, height) or camera.crop(...)",
            )
        view = self._surface.seen_by(camera)
        result = image.copy()
        rows, cols = np.nonzero(view.visible)
        shaded = 255 * shade_pixels(view, rows, cols, self._normals, self._faces, camera, color)
        mixed = (1 - alpha) * image[rows, cols].astype(np.float32) + alpha * shaded
        result[rows, cols] = np.round(mixed).clip(0, 255).astype(np.uint8)
        if outline:
            result[silhouette(view)] = OUTLINE_COLOR
        return result


def overlay_body(
    image: UInt8[np.ndarray, "H W 3"],
    camera: Camera,
    vertices: Float[np.ndarray, "Nv 3"],
    faces: Int[np.ndarray, "Nf 3"],
    alpha: float = 0.75,
    color: Color = BODY_COLOR,
    occluders: Sequence[Mesh] | None = None,
    outline: bool = True,
) -> UInt8[np.ndarray, "H W 3"]:
    """`BodyPainter.draw` for a single picture."""
    return BodyPainter(vertices, faces, occluders).draw(image, camera, alpha, color, outline)


def silhouette(view: SurfaceView) -> np.ndarray:
    """The visible pixels (H, W bool) that touch, by a side, a pixel without visible body."""
    padded = np.pad(view.visible, 1, mode="edge")  # the image's border is no outline
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return view.visible & ~inner
