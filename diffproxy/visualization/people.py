"""Several people over one picture, each in the colour of their id."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int, UInt8

from diffproxy.cameras import Camera
from diffproxy.utils.checked import checked
from diffproxy.utils.people_file import rgb_of
from diffproxy.visualization.overlay import BodyPainter


@checked
class PeoplePainter:
    """Draws the people of a frame into the images of any cameras, those in front over those behind.

    Args:
        bodies: (Nv, 3) vertices by the id of the person, metres, world.
        faces: (Nf, 3) triangles.
    """

    def __init__(self, bodies: Mapping[int, Float[np.ndarray, "Nv 3"]], faces: Int[np.ndarray, "Nf 3"]):
        self._painters = {k: BodyPainter(vertices, faces) for k, vertices in bodies.items()}
        self._middle = {k: vertices.mean(axis=0, dtype=np.float64) for k, vertices in bodies.items()}

    def draw(self, image: UInt8[np.ndarray, "H W 3"], camera: Camera) -> UInt8[np.ndarray, "H W 3"]:
        """A new image with everybody in it; errors as of `BodyPainter.draw`."""
        far_first = sorted(
            self._painters, key=lambda k: -np.linalg.norm(self._middle[k] - camera.center_world)
        )
        for k in far_first:
            image = self._painters[k].draw(image, camera, color=rgb_of(k))
        return image.copy() if not far_first else image
