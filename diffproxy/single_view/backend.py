"""What the commands need of a way to estimate bodies: with torch (`torch_backend.py`) or without (`onnx/backend.py`).

Nothing here imports torch, for the sake of `diffproxy.single_view.onnx`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from diffproxy.single_view.focal_length import FocalPrior
from diffproxy.single_view.picture_folder import PictureFolder, PictureT
from diffproxy.single_view.picture_result import Person, PictureCamera, PictureResult
from diffproxy.single_view.sources import Frame
from diffproxy.utils.timing import Stopwatch

SeenT = TypeVar("SeenT")
"""A person before the estimate: box, score, and what else the estimator starts from."""
PictureT_contra = TypeVar("PictureT_contra", bound=PictureResult[Person, PictureCamera], contravariant=True)


@runtime_checkable
class Estimator(Protocol[SeenT, PictureT]):
    """The networks, and the body that they pose. Images are (H, W, 3) uint8 RGB."""

    def focal_prior(self, width: int, height: int, focal: float, path: Path | None = None) -> FocalPrior:
        """What is known of the focal length of a picture of that size; `focal` in pixels, 0: nothing."""

    def detect(self, image: np.ndarray, prior: FocalPrior | None = None) -> list[SeenT]:
        """People in a picture, best first; `prior`: what is known of its focal length, None: nothing."""

    def run(
        self,
        image: np.ndarray,
        prior: FocalPrior,
        seen: Sequence[SeenT] | None = None,
        clock: Stopwatch | None = None,
    ) -> PictureT:
        """The bodies of a picture; `seen` None: of those whom `detect` finds."""


@runtime_checkable
class Tracker(Protocol[SeenT, PictureT_contra]):
    """Ids of the people of one video; for each frame `expected`, `started` where that is None, and `update`."""

    def focal(self, before: FocalPrior) -> FocalPrior:
        """The belief for the next frame: the focal length of the video once that is known."""

    def expected(self, frame: int) -> list[SeenT] | None:
        """Where people are by the frame before; None: the detector is to be asked."""

    def started(self, detected: Sequence[SeenT]) -> list[SeenT]:
        """Detections with what earlier frames know of the same people."""

    def update(self, frame: int, picture: PictureT_contra) -> list[int]:
        """The id of each person of the frame; the tracks move on."""


class Backend(ABC, Generic[SeenT, PictureT]):
    """One way from files to files."""

    @property
    @abstractmethod
    def estimator(self) -> Estimator[SeenT, PictureT]:
        """The networks that the options name; they are read when they are first asked for."""

    @abstractmethod
    def read_picture(self, path: Path, notes: list[str]) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright by its EXIF data; InputError where it cannot be decoded.

        Damage of a picture that can be decoded is added to `notes`.
        """

    @abstractmethod
    def open_video(self, path: Path, frames: str, notes: list[str]) -> tuple[float, Iterator[Frame]]:
        """Frames per second, and the chosen frames; InputError where it cannot be opened.

        Damaged frames are added to `notes` as they are read.
        """

    @abstractmethod
    def tracker(self, stride: int) -> Tracker[SeenT, PictureT]:
        """For a new video, with the detector in one frame of `stride`."""

    @abstractmethod
    def folder(
        self, name: str, source: Path | None, fps: float | None = None
    ) -> PictureFolder[PictureT, Any]:
        """The folder `name` for the results of a picture or video; `source` None: a connected camera."""
