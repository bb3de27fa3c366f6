"""What both ways of following people in a video, with torch and without, go by."""

from __future__ import annotations

import numpy as np

from diffproxy.single_view.focal_length import FocalPrior

SAME_PERSON_IOU = 0.2
"""Boxes of two frames that do not overlap more are not of the same person."""
KEPT_FRAMES = 30
"""Frames for which a person who is not seen keeps the id."""
FOCAL_FRAMES = 5
"""Frames whose estimates are combined to the focal length of a video; it is fixed afterwards."""


class VideoFocal:
    """The focal length of a video: after a few frames the median of their estimates, which stays.

    Frames of a video show the same people from the same side, so their deviations do not average out.
    """

    def __init__(self) -> None:
        self._focals: list[float] = []
        self._log_stds: list[float] = []

    def add(self, focal: float, log_std: float) -> None:
        """The estimate of a frame, pixels, with the deviation of its logarithm; ignored once enough are known."""
        if len(self._focals) < FOCAL_FRAMES:
            self._focals.append(focal)
            self._log_stds.append(log_std)

    def prior(self, before: FocalPrior) -> FocalPrior:
        """The belief for the next frame: `before` until enough frames are known, and where it is fixed."""
        if before.fixed or len(self._focals) < FOCAL_FRAMES:
            return before
        focal = float(np.exp(np.median(np.log(self._focals))))
        return FocalPrior(focal, float(np.median(self._log_stds)), "earlier frames", fixed=True)
