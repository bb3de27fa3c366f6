"""Reprojection error of a body: distance in pixels between proxy pixels and their projected body points."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from diffproxy.proxies import ProxyMaps
from diffproxy.proxies.interfaces import BodyLike, as_numpy
from diffproxy.utils.checked import checked
from diffproxy.utils.options import one_each


@checked
def reprojection_errors(
    maps: ProxyMaps, vertices: Float[np.ndarray, "Nv 3"], body: BodyLike
) -> list[Float[np.ndarray, " N"]]:
    """Distance d(x) of the paper's Eq. 6.

    Args:
        maps: Proxies.
        vertices: (Nv, 3) posed vertices, metres, world.
        body: The body.

    Returns:
        Per view (N,) distances in pixels of the map, at foreground pixels of weight > 0. Pixels without a valid
            surface
        point, or whose point is behind the camera, are left out.
    """
    found = []
    for projected, pixels in reprojections(maps, vertices, body):
        distance = np.linalg.norm(projected - pixels, axis=-1)
        found.append(distance[np.isfinite(distance)])
    return found


@checked
def reprojections(
    maps: ProxyMaps, vertices: Float[np.ndarray, "Nv 3"], body: BodyLike
) -> list[tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, "N 2"]]]:
    """Per view the projected body points of the pixels of `reprojection_errors`, and the pixels.

    Points behind the camera are NaN.
    """
    one_each("vertices", len(vertices), len(body.v_template), "vertex of the body")
    faces, found = as_numpy(body.faces), []
    vertices = np.asarray(vertices, dtype=np.float64)
    for v, camera in enumerate(maps.cameras):
        rows, cols = np.nonzero((maps.labels[v] > 0) & (maps.weight[v] > 0))
        face, bary, ok = (
            np.asarray(a) for a in body.atlas.lookup(maps.labels[v][rows, cols], maps.uv[v][rows, cols])
        )
        points = np.einsum("nc,ncd->nd", bary[ok].astype(np.float64), vertices[faces[face[ok]]])
        pixels = np.stack([cols[ok], rows[ok]], axis=-1) + 0.5
        found.append((camera.project(points), pixels))
    return found
