"""The body drawn over images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from diffproxy.cameras import Camera
from diffproxy.geometry.meshes import vertex_normals
from diffproxy.proxies.surface import Mesh, Surface, SurfaceView
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import within
from diffproxy.visualization.shading import check_color, shade_pixels

BODY_COLOR = (0.55, 0.78, 0.98)
OUTLINE_COLOR = (255, 255, 255)
UNOBSERVED_COLOR = (0.62, 0.62, 0.62)  # of skin without supporting pixels: grey, hatched, more transparent
UNOBSERVED_ALPHA = 0.3  # times alpha, between the lines of the hatching
HATCH = 90  # lines along the longer side of the image

Color = Float[np.ndarray, "Nf 3"] | tuple[float, float, float]  # RGB in [0, 1], one or one per face


@checked
class BodyPainter:
    """Draws one body into several images; search trees and normals are computed once. Thread-safe.

    Args:
        vertices: (Nv, 3) metres, world.
        faces: (Nf, 3) triangles.
        occluders: Meshes that may hide the body.
        unobserved: (Nv,) vertices without supporting pixels, drawn grey and hatched; None: none.
    """

    def __init__(
        self,
        vertices: Float[np.ndarray, "Nv 3"],
        faces: Int[np.ndarray, "Nf 3"],
        occluders: Sequence[Mesh] | None = None,
        unobserved: Bool[np.ndarray, " Nv"] | None = None,
    ):
        self._surface = Surface(vertices, faces, occluders)
        self._faces, self._normals = faces, vertex_normals(vertices, faces)
        some = unobserved is not None and unobserved.any()
        self._unobserved = np.asarray(unobserved)[faces].sum(axis=1) >= 2 if some else None

    def draw(
        self,
        image: UInt8[np.ndarray, "H W 3"],
        camera: Camera,
        alpha: float = 0.75,
        color: Color = BODY_COLOR,
        outline: bool = True,
    ) -> UInt8[np.ndarray, "H W 3"]:
        """Blend the shaded body into an image.

        Args:
            image: (H, W, 3) RGB uint8.
            camera: Camera of the image, with its lens distortion.
            alpha: Opacity of the body; 1 hides the image.
            color: RGB in [0, 1] of the body.
            outline: Draw the silhouette as a thin line, which shows misalignment best.

        Returns:
            A new image (H, W, 3).

        Raises:
            InputError: an image of another size than the camera.
        """
        if image.shape[:2] != (camera.height, camera.width):
            raise InputError(
                f"an image of {camera.width}x{camera.height}, as camera {camera.name} says",
                f"{image.shape[1]}x{image.shape[0]}",
                "use the camera of this image: camera.for_image(width, height) or camera.crop(...)",
            )
        within("alpha", alpha, 0.0, 1.0)
        check_color(color)
        result = image.copy()
        view, (x0, y0, x1, y1) = self._surface.colors_seen_by(camera)
        if x1 > x0:
            part = camera.crop((x0, y0, x1, y1), (x1 - x0, y1 - y0))
            self._draw_part(result[y0:y1, x0:x1], view, part, alpha, color, (y0 + x0, max(image.shape[:2])))
            if outline:
                result[y0:y1, x0:x1][silhouette(view)] = OUTLINE_COLOR
        return result

    def _draw_part(
        self,
        image: UInt8[np.ndarray, "h w 3"],
        view: SurfaceView,
        camera: Camera,
        alpha: float,
        color: Color,
        hatch: tuple[int, int],
    ) -> None:
        """Blend the body into a part of an image, in place; `hatch`: row + column of its corner, side of the image."""
        rows, cols = np.nonzero(view.visible)
        shaded = 255 * shade_pixels(view, rows, cols, self._normals, self._faces, camera, color)
        opacity: np.ndarray | float = alpha
        if self._unobserved is not None:
            hidden = np.flatnonzero(self._unobserved[view.face[rows, cols]])
            at = rows[hidden], cols[hidden]
            grey = shade_pixels(view, *at, self._normals, self._faces, camera, UNOBSERVED_COLOR)
            shaded[hidden] = 255 * grey
            opacity = np.full((len(rows), 1), alpha, dtype=np.float32)
            lines = hatching(at[0] + hatch[0], at[1], (hatch[1], hatch[1]))
            opacity[hidden, 0] *= np.where(lines, 1.0, UNOBSERVED_ALPHA)
        mixed = (1 - opacity) * image[rows, cols].astype(np.float32) + opacity * shaded
        image[rows, cols] = np.round(mixed).clip(0, 255).astype(np.uint8)


@checked
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
    """`BodyPainter.draw` for a single image."""
    return BodyPainter(vertices, faces, occluders).draw(image, camera, alpha, color, outline)


def hatching(
    rows: Int[np.ndarray, " N"], cols: Int[np.ndarray, " N"], size: tuple[int, int]
) -> Bool[np.ndarray, " N"]:
    """Which pixels are on diagonal lines, a third of their spacing wide, in an image of `size` (height, width)."""
    spacing = max(6, round(max(size) / HATCH))
    return (rows + cols) % spacing < spacing / 3


def silhouette(view: SurfaceView) -> np.ndarray:
    """(H, W) bool: visible pixels with a side neighbour that is not visible body."""
    padded = np.pad(view.visible, 1, mode="edge")  # the image's border is no outline
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return view.visible & ~inner
