"""Dense proxies: which point of the body surface each pixel sees."""

from diffproxy.proxies.aggregate import aggregate_samples, maps_from_samples, vote_samples
from diffproxy.proxies.codec import decode_rgb, encode_labels_rgb, encode_rgb
from diffproxy.proxies.crops import box_around, hand_boxes
from diffproxy.proxies.io import load_proxies, save_proxies
from diffproxy.proxies.maps import KINDS, Kind, ProxyMaps
from diffproxy.proxies.render import proxies_from_surface, render_depth_mask, render_proxies
from diffproxy.proxies.surface import SurfaceView, render_surface

__all__ = [
    "KINDS",
    "Kind",
    "ProxyMaps",
    "SurfaceView",
    "aggregate_samples",
    "box_around",
    "decode_rgb",
    "encode_labels_rgb",
    "encode_rgb",
    "hand_boxes",
    "load_proxies",
    "maps_from_samples",
    "proxies_from_surface",
    "render_depth_mask",
    "render_proxies",
    "render_surface",
    "save_proxies",
    "vote_samples",
]
