"""Dense proxies: which point of the body surface each pixel sees."""

from diffproxy.proxies.maps import KINDS, Kind, ProxyMaps
from diffproxy.proxies.render import proxies_from_surface, render_depth_mask, render_proxies
from diffproxy.proxies.surface import SurfaceView, render_surface

__all__ = [
    "KINDS",
    "Kind",
    "ProxyMaps",
    "SurfaceView",
    "proxies_from_surface",
    "render_depth_mask",
    "render_proxies",
    "render_surface",
]
