"""What a reader yields, and where to find the readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from diffproxy.body import BodyModel
from diffproxy.cameras import Camera
from diffproxy.evaluation.config import EvaluateOptions
from diffproxy.geometry.boxes import Box
from diffproxy.pipeline.results import FrameRecord
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError

# A new data set is a line here, a module beside this one, and conf/dataset/<name>.yaml.
READERS: dict[str, str] = {"synthetic": "diffproxy.evaluation.datasets.synthetic"}


@dataclass(frozen=True)
class EvalSubject:
    """One subject at one instant.

    `images`: (H, W, 3) uint8 RGB, undistorted, with their pinhole `cameras`. `boxes`: where the subject is, None
    lets the locator find it. `truth`: true parameters and joints (metres, in the cameras' world). `exact`: true
    proxies on the pixel grids of images, if the data set has them.
    """

    key: str
    images: list[np.ndarray]
    cameras: list[Camera]
    truth: FrameRecord
    topology: str
    boxes: list[Box] | None = None
    exact: ProxyMaps | None = None
    info: dict[str, Any] = field(default_factory=dict)


def open_dataset(options: EvaluateOptions, body: BodyModel) -> Iterator[EvalSubject]:
    """The subjects of the data set that the options name, at most `options.limit`; with `dataset.cut` cut off."""
    name = options.dataset.name
    if name not in READERS:
        raise InputError(f"dataset among {', '.join(READERS)}", name, "write dataset=synthetic")
    subjects = import_module(READERS[name]).read(options)
    if options.dataset.cut >= 0:
        from diffproxy.evaluation.datasets.cut_pictures import cut_subjects

        subjects = cut_subjects(subjects, body, options.dataset.cut)
    for number, subject in enumerate(subjects):
        if number >= options.limit:
            return
        yield subject
