"""Configuration and result of a calibration."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffproxy.body import BodyParams
from diffproxy.calibration.report import CameraReport
from diffproxy.cameras import Camera
from diffproxy.fitting import FitConfig
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import at_least, within


@checked
@dataclass(frozen=True)
class CalibrationConfig:
    """`rough`: the cameras' given poses are a start and a prior; without it nothing but intrinsics is taken from them.

    The scale comes from `height` (of the person, metres), `distance` (two camera names, metres), the rough cameras, or
    else from the average body. `fix`: a camera whose given pose becomes exactly that of the answer. `upright`: even
    with rough cameras the world has its origin on the floor under the first frame's body, and +Y up along the body.
    """

    rough: bool = True
    rotation_std_deg: float = 5.0
    translation_std: float = 0.1
    focal: bool = False
    """Refine focal lengths, too."""
    focal_std: float = 0.05
    """Of the logarithm: how far focal lengths may be off."""
    common_focal: bool = False
    """All cameras share one correction of the focal length (cameras of one kind)."""
    height: float | None = None
    distance: tuple[str, str, float] | None = None
    fix: str | None = None
    upright: bool = False
    max_pixels: int = 400
    """Per view and frame."""
    sigma_floor: float = 0.0005
    max_sigma: float = 0.05
    iterations: int = 15
    """Per stage, at most."""
    fit: FitConfig = field(default_factory=lambda: FitConfig(hands=False))

    def __post_init__(self) -> None:
        if self.height is not None:
            within("height", self.height, 0.1, 10.0, "metres")
        if self.distance is not None:
            within("distance", self.distance[2], 1e-3, 1e4, "metres")
            if self.distance[0] == self.distance[1]:
                raise InputError(
                    "the distance of two cameras", f"{self.distance[0]} twice", "name two cameras"
                )
        for name in ("rotation_std_deg", "translation_std", "focal_std", "max_sigma"):
            within(name, getattr(self, name), 1e-9, 1e6)
        for name in ("max_pixels", "iterations"):
            at_least(name, getattr(self, name), 1)


@dataclass(frozen=True)
class Calibration:
    """The cameras with estimated poses, the bodies of the frames (None without a person), and their uncertainty."""

    cameras: tuple[Camera, ...]
    bodies: list[BodyParams | None]
    reports: tuple[CameraReport, ...]
    notes: tuple[str, ...]
    height: float
    """Of the person, metres, as fitted."""
    sigma: float
    """Noise of the proxies per axis, metres."""
