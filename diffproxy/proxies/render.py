"""Exact proxies of a posed body: ground truth for training the generator and testing the fitter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.cameras import Camera
from diffproxy.proxies.interfaces import AtlasLike, BodyLike, as_numpy
from diffproxy.proxies.maps import KINDS, Kind, ProxyMaps
from diffproxy.proxies.surface import Mesh, SurfaceView, render_surface
from diffproxy.utils.errors import InputError


def render_proxies(
    body: BodyLike,
    vertices: Float[np.ndarray, "Nv 3"],
    cameras: Sequence[Camera],
    kinds: Sequence[Kind] | None = None,
    occluders: Sequence[Mesh] | None = None,
) -> ProxyMaps:
    """Labels and UV of the body surface at every pixel centre, weight 1 where the body is seen and 0 elsewhere.

    `vertices` are posed (metres, world). `kinds` default to "body"; hand kinds use the hand palette, in which
    everything that is no hand is background. All cameras must have one image size.
    """
    views = render_surface(vertices, as_numpy(body.faces), cameras, occluders)
    return proxies_from_surface(body.atlas, views, cameras, kinds)


def proxies_from_surface(
    atlas: AtlasLike,
    views: Sequence[SurfaceView],
    cameras: Sequence[Camera],
    kinds: Sequence[Kind] | None = None,
) -> ProxyMaps:
    """`render_proxies` from a surface that is rendered already (to share the rays with depth or shading)."""
    shown: tuple[Kind, ...] = tuple("body" for _ in cameras) if kinds is None else tuple(kinds)
    _check_views(cameras, shown)
    shape = (len(cameras), cameras[0].height, cameras[0].width)
    labels, uv = np.zeros(shape, dtype=np.uint8), np.zeros((*shape, 2), dtype=np.float32)
    for v, (view, kind) in enumerate(zip(views, shown, strict=True)):
        seen = view.visible
        found_labels, found_uv = atlas.encode(view.face[seen].astype(np.int64), view.bary[seen], kind)
        found_labels, found_uv = as_numpy(found_labels), as_numpy(found_uv)
        labels[v][seen] = found_labels
        uv[v][seen] = np.where(found_labels[:, None] > 0, found_uv, 0.0)
    return ProxyMaps(labels, uv, (labels > 0).astype(np.float32), shown, tuple(cameras))


def render_depth_mask(
    body: BodyLike,
    vertices: Float[np.ndarray, "Nv 3"],
    cameras: Sequence[Camera],
    occluders: Sequence[Mesh] | None = None,
) -> tuple[Float[np.ndarray, "V H W"], Bool[np.ndarray, "V H W"]]:
    """z-depth of the body in metres (inf outside, occluders ignored) and the mask of its visible pixels."""
    _check_views(cameras, ["body"] * len(cameras))
    views = render_surface(vertices, as_numpy(body.faces), cameras, occluders)
    return np.stack([v.depth for v in views]), np.stack([v.visible for v in views])


def _check_views(cameras: Sequence[Camera], kinds: Sequence[Kind]) -> None:
    if not cameras:
        raise InputError("at least one camera", "none", "pass the cameras of the views")
    sizes = {(c.width, c.height) for c in cameras}
    if len(sizes) > 1:
        raise InputError(
            "cameras of one image size", f"sizes {sorted(sizes)}", "crop or resize the cameras first"
        )
    if len(kinds) != len(cameras):
        raise InputError(f"{len(cameras)} kinds, one per camera", f"{len(kinds)}", "pass one kind per camera")
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise InputError(f"kinds among {KINDS}", f"{unknown}", "use one of these")
