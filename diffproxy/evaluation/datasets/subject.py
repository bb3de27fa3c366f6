"""What a reader of a data set yields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.evaluation.true_body import TrueBody
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.results import FrameResult
from diffproxy.proxies import ProxyMaps


@dataclass(frozen=True)
class EvalSubject:
    """One subject at one instant.

    `images`: (H, W, 3) uint8 RGB, undistorted, with their pinhole `cameras`. `boxes`: where the subject is, None
    lets the detector find it. `truth`: true parameters and joints (metres, in the cameras' world). `exact`: true
    proxies on the pixel grids of images, if the data set has them. `true_body`: truth that is not in the fitted body's
    parameters; it stands for `truth` then.
    """

    key: str
    images: list[np.ndarray]
    cameras: list[Camera]
    truth: FrameResult
    topology: str
    boxes: list[Box] | None = None
    exact: ProxyMaps | None = None
    info: dict[str, Any] = field(default_factory=dict)
    true_body: TrueBody | None = None


@dataclass(frozen=True)
class PendingSubject:
    """A subject whose images are not read yet: another process may evaluate it, or an earlier run has.

    `picture`: key of the picture, where several people share one; they follow each other. `counted`: False for somebody
    who need not be found, since nearly all of the person is hidden.
    """

    key: str
    load: Callable[[], EvalSubject]
    picture: str = ""
    counted: bool = True
