"""Cameras of a take before they are solved: predicted, or with focal lengths that are known or guessed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from diffproxy.cameras import Camera, Rig, RigFrames, load_rig, open_frames
from diffproxy.cameras.predicted import FIELD_OF_VIEW, guessed_rig, load_predicted
from diffproxy.pipeline import inputs
from diffproxy.pipeline.config import FitOptions
from diffproxy.utils.errors import InputError


@dataclass(frozen=True)
class AssumedRig:
    """The images of a take with what is assumed of their cameras; `intrinsics`: focal lengths are known."""

    rig: Rig
    frames: RigFrames
    intrinsics: bool

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """Pinhole cameras of the undistorted images; poses as predicted, or meaningless."""
        return self.frames.cameras


def assumed_rig(options: FitOptions, root: Path) -> AssumedRig:
    """The take's images with predicted cameras, or with focal lengths that are known or guessed."""
    folder = inputs.rig_folder(options.rig, root)
    rig, known = _read_or_guess(folder, options)
    rig = rig.chosen(options.views)
    frames = _open(folder, rig, options)
    if options.cameras == "predicted":
        rig = replace(rig, cameras=load_predicted(options.predictions, frames.cameras), notes=[])
        known, frames = False, _open(folder, rig, options)
    return AssumedRig(rig, frames, known)


def _read_or_guess(folder: Path, options: FitOptions) -> tuple[Rig, bool]:
    """The folder's calibration, whose poses are not used, and whether there is one whose focal lengths are."""
    reason = f"fov={options.fov:g} was given"
    if not options.fov:
        try:
            return load_rig(folder, options.rig.calibration or None), True
        except InputError as error:
            if options.rig.calibration:
                raise
            reason = f"no calibration was read: {error.found}"
    fov = options.fov or FIELD_OF_VIEW
    note = f"focal lengths start from a field of view of {fov:g} degrees; {reason}"
    return replace(guessed_rig(folder, fov, options.rig.images, options.views), notes=[note]), False


def _open(folder: Path, rig: Rig, options: FitOptions) -> RigFrames:
    matching = inputs.matching_of(options.rig)
    common, images = options.common_frames, options.rig.images
    return open_frames(folder, rig, common_frames=common, matching=matching, images=images)
