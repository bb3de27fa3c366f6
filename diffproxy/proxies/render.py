"""Exact proxies of a posed body: ground truth for training the generator and testing the fitter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from diffproxy.cameras import Camera
from diffproxy.proxies.interfaces import AtlasLike, BodyLike, as_numpy
from diffproxy.proxies.maps import KINDS, Kind, ProxyMaps
from diffproxy.proxies.surface import Mesh, SurfaceView, render_surface
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

Renderer = Literal["raycast", "pytorch3d"]


@checked
def render_proxies(
    body: BodyLike,
    vertices: Float[np.ndarray, "Nv 3"],
    cameras: Sequence[Camera],
    kinds: Sequence[Kind] | None = None,
    occluders: Sequence[Mesh] | None = None,
    renderer: Renderer = "raycast",
) -> ProxyMaps:
    """Labels and UV of the body surface at every pixel centre.

    Args:
        body: The body, for faces and charts.
        vertices: (Nv, 3) posed vertices, metres, world.
        cameras: V cameras with the same image size.
        kinds: Kind of each view, by default "body"; in hand views everything but that hand is background.
        occluders: Meshes that may hide the body.
        renderer: What finds the surface point of a pixel: rays on the CPU, or PyTorch3D's rasterizer, on a GPU if there
            is one (pinhole cameras only).

    Returns:
        Proxies with weight 1 where the body is visible and 0 elsewhere.
    """
    render: Callable[..., list[SurfaceView]] = render_surface
    if renderer == "pytorch3d":
        from diffproxy.proxies.pytorch3d_surface import rasterize_surface

        _check_views(cameras, ["body"] * len(cameras))
        render = rasterize_surface
    views = render(vertices, as_numpy(body.faces), cameras, occluders)
    return proxies_from_surface(body.atlas, views, cameras, kinds)


@checked
def proxies_from_surface(
    atlas: AtlasLike,
    views: Sequence[SurfaceView],
    cameras: Sequence[Camera],
    kinds: Sequence[Kind] | None = None,
) -> ProxyMaps:
    """`render_proxies` for a surface that is already rendered, to share rays with depth or shading."""
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


@checked
def render_depth_mask(
    body: BodyLike,
    vertices: Float[np.ndarray, "Nv 3"],
    cameras: Sequence[Camera],
) -> tuple[Float[np.ndarray, "V H W"], Bool[np.ndarray, "V H W"]]:
    """Depth and mask of a body.

    Args:
        body: The body, for its faces.
        vertices: (Nv, 3) posed vertices, metres, world.
        cameras: V cameras with the same image size.

    Returns:
        z-depth (V, H, W) in metres, inf outside the body, and mask (V, H, W) of its pixels.
    """
    _check_views(cameras, ["body"] * len(cameras))
    views = render_surface(vertices, as_numpy(body.faces), cameras)
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
