"""Who is seen at each pixel centre, by ray casting."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, UInt8

from diffproxy.cameras import Camera

Triangles = tuple[Float[np.ndarray, "_ 3"], Int[np.ndarray, "_ 3"]]  # several in one list, each its own size
SUBJECT, OTHER = 1, 2


class Visibility:
    """First hits among the subject (body and clothes), other people, and things."""

    def __init__(self, subject: list[Triangles], others: list[Triangles], things: list[Triangles]):
        from diffproxy.proxies.raycast import RayMesh

        groups = [
            (value, m) for value, group in ((SUBJECT, subject), (OTHER, others), (0, things)) for m in group
        ]
        starts = np.cumsum([0] + [len(m[0]) for _, m in groups[:-1]])
        vertices = np.concatenate([m[0] for _, m in groups])
        faces = np.concatenate([m[1] + start for (_, m), start in zip(groups, starts, strict=True)])
        self.mesh = RayMesh(vertices, faces)
        self.value = np.repeat([v for v, _ in groups] + [0], [len(m[1]) for _, m in groups] + [1]).astype(
            np.uint8
        )

    def mask(self, camera: Camera) -> UInt8[np.ndarray, "H W"]:
        """1 = subject with clothes, 2 = other person, 0 = anything else, at pixel centres."""
        from diffproxy.proxies.surface import pixel_rays

        hits = self.mesh.cast(camera.center_world, pixel_rays(camera, (0, 0, camera.width, camera.height)))
        return self.value[hits.face].reshape(camera.height, camera.width)
