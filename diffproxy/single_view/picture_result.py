"""What is found in a picture, with torch and without: its people, its camera, and how sure the focal length is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from diffproxy.geometry.boxes import Box


@runtime_checkable
class Person(Protocol):
    """A person of a picture; joints, depth of the pelvis and its standard deviation in metres."""

    @property
    def box(self) -> Box: ...
    @property
    def score(self) -> float: ...
    @property
    def depth(self) -> float: ...
    @property
    def depth_std(self) -> float: ...
    @property
    def has_body(self) -> bool: ...
    @property
    def joints(self) -> np.ndarray: ...


@runtime_checkable
class PictureCamera(Protocol):
    """The camera of a picture: size and (3, 3) intrinsics in pixels."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def K(self) -> np.ndarray: ...


PersonT_co = TypeVar("PersonT_co", bound=Person, covariant=True)
CameraT_co = TypeVar("CameraT_co", bound=PictureCamera, covariant=True)


@dataclass(frozen=True)
class PictureResult(Generic[PersonT_co, CameraT_co]):
    """All people of a picture.

    Attributes:
        people: Best first; those without a body too, whose status says so.
        camera: Camera of the picture with the estimated focal length; its axes are the world's.
        focal_log_std: Standard deviation of the log of the focal length; 0 where it was given.
        focal_source: What was known beforehand, as in `FocalPrior`.
        seconds: Wall-clock seconds of each stage.
    """

    people: tuple[PersonT_co, ...]
    camera: CameraT_co
    focal_log_std: float
    focal_source: str
    seconds: dict[str, float] = field(default_factory=dict)
