"""`ProxyMaps`: the dense proxies of several views, output of the generator and input of the fitter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, UInt8

from diffproxy.cameras import Camera
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import one_each
from diffproxy.utils.short_repr import short_repr

Kind = Literal["body", "left_hand", "right_hand"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@checked
@dataclass(frozen=True)
class ProxyMaps:
    """Dense SMPL-X proxies of V views (possibly crops) of one person at one instant.

    Args:
        labels: (V, H, W) part ids, 0 = background; body views use the body palette, hand views the hand palette
            (disjoint
            ids).
        uv: (V, H, W, 2) in [0, 1], origin bottom-left, valid where labels > 0.
        weight: (V, H, W) reliability (paper Eq. 5), in [0, 1].
        kind: Kind of each view.
        cameras: The pinhole camera of each map: its size is W x H, and pixel (row i, column j) is at (j + 0.5, i
            + 0.5).
        std: (V, H, W) standard deviation per axis of the surface point of each foreground pixel, metres on the
            surface;
            None: unknown, `weight` alone counts.
        valid: (V, H, W) False where the crop reaches beyond the image, so that label 0 says nothing; None: all valid.
    """

    labels: UInt8[np.ndarray, "V H W"]
    uv: Float[np.ndarray, "V H W 2"]
    weight: Float[np.ndarray, "V H W"]
    kind: tuple[Kind, ...]
    cameras: tuple[Camera, ...]
    std: Float[np.ndarray, "V H W"] | None = None
    valid: Bool[np.ndarray, "V H W"] | None = None

    __repr__ = short_repr

    def __post_init__(self) -> None:
        one_each("kinds", len(self.kind), len(self.labels), "view")
        one_each("cameras", len(self.cameras), len(self.labels), "view")

    @property
    def num_views(self) -> int:
        return self.labels.shape[0]

    def select(self, views: Sequence[int]) -> ProxyMaps:
        """The views with these indices, in this order."""
        rows = list(views)
        if strange := [v for v in rows if not 0 <= v < self.num_views]:
            raise InputError(f"views from 0 to {self.num_views - 1}", f"{strange}", "leave them out")
        return ProxyMaps(
            self.labels[rows],
            self.uv[rows],
            self.weight[rows],
            tuple(self.kind[v] for v in rows),
            tuple(self.cameras[v] for v in rows),
            None if self.std is None else self.std[rows],
            None if self.valid is None else self.valid[rows],
        )

    @staticmethod
    def cat(items: Sequence[ProxyMaps]) -> ProxyMaps:
        """Views of several maps of one size, such as body views and their hand crops."""
        sizes = {m.labels.shape[1:] for m in items}
        if len(sizes) != 1:
            raise InputError(
                "maps of one image size", f"sizes {sorted(sizes)}", "render or resample them alike"
            )
        return ProxyMaps(
            np.concatenate([m.labels for m in items]),
            np.concatenate([m.uv for m in items]),
            np.concatenate([m.weight for m in items]),
            tuple(k for m in items for k in m.kind),
            tuple(c for m in items for c in m.cameras),
            _joined([m.std for m in items]),
            None
            if all(m.valid is None for m in items)
            else np.concatenate(
                [np.ones(m.labels.shape, bool) if m.valid is None else m.valid for m in items]
            ),
        )

    def check(self) -> None:
        """InputError for maps that violate this contract; costs a pass over the arrays."""
        height, width = self.labels.shape[1:]
        for key in ("uv", "weight"):
            values = getattr(self, key)
            if not np.isfinite(values).all() or values.min(initial=0.0) < 0 or values.max(initial=0.0) > 1:
                raise InputError(
                    f"{key} in [0, 1]",
                    f"range [{values.min()}, {values.max()}] (nan: not a number)",
                    "clip it, and find out where NaN comes from",
                )
        if self.std is not None and not (np.isfinite(self.std).all() and self.std.min(initial=0.0) >= 0):
            raise InputError(
                "std in metres, 0 or more", "negative values or NaN", "find out where they come from"
            )
        for camera in self.cameras:
            if (camera.width, camera.height) != (width, height) or not camera.is_pinhole:
                raise InputError(
                    f"pinhole cameras of {width}x{height}, the maps' own size",
                    f"camera {camera.name}: {camera.width}x{camera.height}, pinhole {camera.is_pinhole}",
                    "use the cameras of the crops: camera.undistorted().crop(box, (width, height))",
                )


def _joined(stds: list[np.ndarray | None]) -> np.ndarray | None:
    """All of them, or None where one is not known: half a set of deviations would be compared with nothing."""
    known = [s for s in stds if s is not None]
    return np.concatenate(known) if len(known) == len(stds) else None
