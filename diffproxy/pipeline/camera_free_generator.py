"""The generator where no camera was given: what is known of the cameras was found from the body, so it is kept from it.

The paper's inference without calibration generates proxies with predicted cameras. Cameras that were solved from
earlier proxies would tell the generator its own mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffproxy.cameras import Camera
from diffproxy.cameras.predicted import load_predicted
from diffproxy.generator.output import DiffProxyOutput
from diffproxy.pipeline.config import FitOptions
from diffproxy.proxies import ProxyMaps
from diffproxy.proxies.maps import Kind


@dataclass(frozen=True)
class CameraFreeGenerator:
    """A proxy pipeline that gets predicted cameras, or each camera's crops by themselves, whatever cameras are passed.

    Args:
        pipe: A `DiffProxyPipeline`.
        solved: Cameras of the whole images by name, whose crops are passed.
        predicted: Cameras of the same images that the generator gets instead; None: none.
    """

    pipe: Any
    solved: Mapping[str, Camera]
    predicted: Mapping[str, Camera] | None = None

    @property
    def network(self) -> Any:
        """The network of `pipe`."""
        return self.pipe.network

    def encoding_once(self) -> AbstractContextManager[None]:
        """See `DiffProxyPipeline.encoding_once`."""
        return self.pipe.encoding_once()

    def __call__(
        self, images: Any, cameras: Sequence[Camera], kinds: Sequence[Kind], *more: Any
    ) -> DiffProxyOutput:
        """As `DiffProxyPipeline.__call__`; the maps come back with the cameras that were passed."""
        if self.predicted is None:
            names = list(dict.fromkeys(c.name for c in cameras))
            groups = [[v for v, c in enumerate(cameras) if c.name == name] for name in names]
            shown = list(cameras)
        else:
            groups = [list(range(len(cameras)))]
            shown = [with_other_camera(c, self.solved[c.name], self.predicted[c.name]) for c in cameras]
        outputs = [
            self.pipe(images[rows], [shown[v] for v in rows], [kinds[v] for v in rows], *more)
            for rows in groups
        ]
        rows = [v for group in groups for v in group]
        order = [rows.index(v) for v in range(len(rows))]
        maps = ProxyMaps.cat([output.proxies for output in outputs]).select(order)
        size = maps.cameras[0]
        passed = tuple(c.resize(size.width, size.height) for c in cameras)
        keypoints = [output.keypoints for output in outputs if output.keypoints is not None]
        turns = [turn for output in outputs for turn in output.quarter_turns]
        return DiffProxyOutput(
            replace(maps, cameras=passed),
            np.concatenate(keypoints)[order] if len(keypoints) == len(outputs) else None,
            tuple(turns[k] for k in order),
        )


def with_other_camera(crop: Camera, old: Camera, new: Camera) -> Camera:
    """A crop of the image of `old`, perhaps rotated by quarter turns, as the crop of `new`, a camera of that image."""
    turn = np.rint(crop.R_cam_world @ old.R_cam_world.T)  # by quarters about the optical axis
    K = crop.K @ turn @ np.linalg.inv(old.K) @ new.K @ turn.T
    return replace(crop, K=K, R_cam_world=turn @ new.R_cam_world, t_cam_world=turn @ new.t_cam_world)


def camera_free(pipe: Any, options: FitOptions, solved: Sequence[Camera]) -> Any:
    """`pipe` as `options.cameras` says. InputError for predictions that do not fit the images."""
    if options.cameras == "given":
        return pipe
    known = {c.name: c for c in solved}
    if options.cameras == "none":
        return CameraFreeGenerator(pipe, known)
    predicted = load_predicted(options.predictions, solved)
    return CameraFreeGenerator(pipe, known, {c.name: c for c in predicted})
