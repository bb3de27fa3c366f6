"""The 2D keypoints of a run (`keypoints=DIR`): the detections of each frame, ready for the fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import RigFrames
from diffproxy.fitting import FitConfig, FitResult
from diffproxy.fitting.keypoint_fit import KeypointFitter
from diffproxy.keypoints import open_keypoints
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError


class SparseKeypoints:
    """Keypoint files of a rig beside its proxies; `quick` fits aim the crops, whole ones are the answer."""

    def __init__(
        self, folder: Path, frames: RigFrames, body: BodyModel, config: FitConfig, aim_pixels: int = 200
    ):
        self.frames = frames
        self.found = open_keypoints(folder, frames.picture_cameras)
        quick = replace(config, hands=False, vertices=False, max_pixels=min(config.max_pixels, aim_pixels))
        self.fitters = {False: KeypointFitter(body, config), True: KeypointFitter(body, quick)}

    def fit(
        self,
        frame_id: int,
        maps: ProxyMaps,
        start: BodyParams | None = None,
        betas: Tensor | None = None,
        scale: float | None = None,
        quick: bool = False,
    ) -> FitResult:
        """The body of a frame; without detections in it, that of the proxies alone."""
        people = self.found.frame(frame_id, self.frames.picture_cameras)
        pictures, cameras = self.frames.picture_cameras, self.frames.cameras
        return self.fitters[quick].fit(maps, people, pictures, cameras, start, betas, scale)


def open_sparse(
    folder: str, frames: RigFrames | None, body: BodyModel, config: FitConfig
) -> SparseKeypoints | None:
    """None without `keypoints=`. InputError where there is no rig to read them with."""
    if not folder:
        return None
    if frames is None:
        raise InputError(
            "a rig with keypoints=, for its cameras and lenses",
            "proxies= alone",
            "give rig=DIR instead of proxies=DIR",
        )
    return SparseKeypoints(Path(folder).expanduser(), frames, body, config)
