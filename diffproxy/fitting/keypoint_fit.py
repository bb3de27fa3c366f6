"""A fit to proxies and sparse keypoints together: the keypoints give a second start, and residuals of their own.

The proxies alone are fitted first. Keypoints, whose views agreed on one person, place a body by themselves: hips and
shoulders in closed form, the rest by Levenberg-Marquardt. From both starts all residuals are then minimised together,
and the better end is kept. So a view whose proxies are wrong cannot turn a limb that detectors see, and a detector that
is wrong cannot turn one that the proxies see.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from diffproxy.body import BodyModel, BodyParams
from diffproxy.cameras import Camera, RigFrames
from diffproxy.fitting.config import FitConfig
from diffproxy.fitting.fit import fit
from diffproxy.fitting.keypoint_problem import KeypointProblem
from diffproxy.fitting.result import FitResult
from diffproxy.keypoints import open_keypoints
from diffproxy.keypoints.keypoint_table import one_person
from diffproxy.keypoints.landmarks import with_landmarks
from diffproxy.keypoints.layouts import Person2D
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError

ENOUGH = 6
"""Keypoints with fewer rows than this say nothing."""


class KeypointFitter:
    """Fits of one body model with keypoints; keeps what does not change from frame to frame."""

    def __init__(self, body: BodyModel, config: FitConfig | None = None):
        self.body, self.config = body, config or FitConfig()
        self.marked, self.landmarks = with_landmarks(body)

    def fit(
        self,
        maps: ProxyMaps,
        people: Sequence[Sequence[Person2D]],
        pictures: Sequence[Camera],
        cameras: Sequence[Camera],
        start: BodyParams | None = None,
    ) -> FitResult:
        """As `fit`, with the detections of every picture.

        Args:
            maps: Proxies.
            people: Whom a detector saw in each picture, pixels of the files.
            pictures: Cameras of the files, with lens distortion; they need not be those of the maps.
            cameras: Pinhole cameras in the same order.
            start: A guess, such as the body of the frame before.
        """
        plain = fit(maps, self.body, self.config, start)
        began = time.perf_counter()
        has_body = plain.has_body
        rows = one_person(people, pictures, cameras, plain.joints[0].astype(np.float64) if has_body else None)
        if len(rows) < ENOUGH:
            return plain
        problem = KeypointProblem(self.body, self.marked, self.landmarks, self.config, maps, rows)
        guesses = [plain.params] if has_body else []
        placed = problem.place(plain.params)
        if placed is not None:
            guesses.append(placed)
        if not guesses:
            return plain
        ends = [problem.run(g) for g in guesses]
        result = problem.result(min(ends, key=lambda e: e.cost), plain)
        took = {**plain.timings, "keypoints": time.perf_counter() - began}
        return replace(result, timings=took)


class SparseKeypoints:
    """Keypoint files of a rig beside its proxies; `quick` fits aim the crops, whole ones are the answer.

    Args:
        folder: Of the files.
        frames: Images of the rig.
        body: Body model.
        config: Options of the fit.
        aim_pixels: Most pixels of each view in a quick fit.
    """

    def __init__(
        self, folder: Path, frames: RigFrames, body: BodyModel, config: FitConfig, aim_pixels: int = 200
    ):
        self.frames = frames
        self.found = open_keypoints(folder, frames.raw_cameras)
        self.found.compare_frames(frames.frame_ids, frames.file_numbers)
        quick = replace(config, hands=False, vertices=False, max_pixels=min(config.max_pixels, aim_pixels))
        self.fitters = {False: KeypointFitter(body, config), True: KeypointFitter(body, quick)}

    def fit(
        self,
        frame_id: int,
        maps: ProxyMaps,
        start: BodyParams | None = None,
        quick: bool = False,
    ) -> FitResult:
        """The body of a frame; without detections in it, that of the proxies alone."""
        pictures, cameras = self.frames.raw_cameras, self.frames.cameras
        people = self.found.frame(frame_id, pictures, self.frames.file_numbers(frame_id))
        return self.fitters[quick].fit(maps, people, pictures, cameras, start)


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
