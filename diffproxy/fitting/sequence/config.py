"""How the frames of a sequence help each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffproxy.utils.errors import InputError


@dataclass(frozen=True)
class SequenceConfig:
    """How frames help each other. Lengths in metres, times in seconds."""

    shape: str = "shared"
    """`shared`: one shape, from several frames together; `per_frame`."""
    smooth: float = 0.0
    """0: frames as they are fitted. 1: usual motion, as far as the proxies leave room. More: smoother."""
    ground: str = "none"
    """`none`; `auto`: standing feet stay put, on a floor found from them; or the floor's height in metres."""
    up: tuple[float, float, float] = (0.0, 1.0, 0.0)
    shape_frames: int = 8
    max_gap: float = 0.5
    """Frames without a body are filled in when their neighbours are at most this far apart. Needs `smooth`."""
    chunk: int = 12
    """Frames fitted as one batch."""
    max_pixels: int = 200
    """A view, at most, once the shape is known."""

    def __post_init__(self) -> None:
        if self.shape not in ("shared", "per_frame"):
            raise InputError("shape=shared or per_frame", f"shape={self.shape}", "write shape=shared")
        if self.smooth < 0 or not np.isfinite(self.smooth):
            raise InputError("smooth of 0 or more", f"smooth={self.smooth}", "write smooth=1")
        if self.ground not in ("none", "auto"):
            floor_height(self.ground)
        if self.shape != "shared" and (self.smooth > 0 or self.ground != "none"):
            raise InputError("one shape for smooth motion", f"shape={self.shape}", "add shape=shared")


def floor_height(text: str) -> float:
    """Metres; InputError for what is not a number."""
    try:
        return float(text)
    except ValueError as error:
        raise InputError(
            "ground=none, auto or a height in metres", f"ground={text}", "write ground=auto"
        ) from error
