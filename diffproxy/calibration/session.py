"""A calibration session: rig, proxies, keypoints and configuration, read from the options of the command."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from diffproxy.body import BodyModel, load_body
from diffproxy.calibration.config import Calibration, CalibrationConfig
from diffproxy.calibration.detected_people import detected_people
from diffproxy.calibration.options import CalibrationOptions
from diffproxy.calibration.session_proxies import generate_proxies, load_proxies
from diffproxy.calibration.solved_rig import solved_rig
from diffproxy.cameras import Camera, Rig, frame_matching, load_rig, open_frames
from diffproxy.cameras.io import NoCalibrationError
from diffproxy.cameras.predicted import guessed_rig, load_predicted
from diffproxy.keypoints import Person2D
from diffproxy.proxies import ProxyMaps
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.io import make_folder, output_file
from diffproxy.utils.options import refuse_unread

log = logging.getLogger(__name__)


@dataclass
class Session:
    """The inputs of `calibrate`, and what its report states about them."""

    body: BodyModel
    cameras: tuple[Camera, ...]
    config: CalibrationConfig
    frames: list[ProxyMaps]
    frame_ids: list[int]
    rig: Rig
    rough: bool
    scale: str
    keypoints: list[list[list[Person2D]]] | None = None
    notes: list[str] = field(default_factory=list)

    def as_rig(self, found: Calibration) -> Rig:
        """The rig with its solved cameras, see `solved_rig`."""
        note = f"poses found from a person ({self.scale}), frames {self.frame_ids}"
        return solved_rig(self.rig, self.cameras, found, note, self.rig.up_axis if self.rough else "+Y")


def target_file(options: CalibrationOptions) -> Path:
    """Where rig.json goes; InputError rather than overwrite a calibration unasked."""
    if options.out:
        given = output_file(options.out, ".json")
        make_folder(given.parent)  # told before the work, not after it
        return given
    file = _folder(options) / "rig.json"
    if file.exists():
        raise InputError(
            "out=FILE, since the rig has a rig.json already", str(file), "write out=calibrated/rig.json"
        )
    return file


def load_session(options: CalibrationOptions) -> Session:
    """Read the rig, make or load the proxies. InputError for anything wrong."""
    folder = _folder(options)
    body = load_body(options.body)
    rig, has_calibration = _rig(folder, options)
    if has_calibration:
        refuse_unread(options, ("fov",), "images without a calibration")
        if options.focal == "auto":
            refuse_unread(options, ("common_focal",), "focal=true")
    matching = frame_matching(options.offsets)
    rig = rig.chosen(options.views)
    predicted = bool(options.cameras)
    rough = options.init != "none" and (has_calibration or predicted)
    if options.init == "approximate" and not rough:
        raise InputError("a calibration in the rig folder for init=approximate", "none", "write init=none")
    frames = open_frames(folder, rig, common_frames=True, matching=matching)
    cameras = frames.cameras
    if predicted:
        cameras = load_predicted(options.cameras, cameras)
        rig = replace(rig, cameras=cameras)
        frames = open_frames(folder, rig, common_frames=True, matching=matching)
    ids = select_frames(options.frames, frames.frame_ids)
    config = _config(options, rough, has_calibration, predicted)
    _check_named(config, [c.name for c in cameras])
    if options.proxies:
        maps, ids = load_proxies(Path(options.proxies), body, ids, frames)
    else:
        maps = generate_proxies(options, body, frames, ids, rough and not predicted)
    keypoints = detected_people(options.keypoints, frames, ids) if options.keypoints else None
    scale = _scale(config, rough)
    return Session(body, cameras, config, maps, ids, rig, rough, scale, keypoints, list(frames.notes))


def _config(
    options: CalibrationOptions, rough: bool, has_calibration: bool, predicted: bool
) -> CalibrationConfig:
    return CalibrationConfig(
        rough=rough,
        rotation_std_deg=options.rotation_std,
        translation_std=options.translation_std,
        focal=options.focal == "true" if options.focal != "auto" else not has_calibration,
        focal_std=0.05 if has_calibration or predicted else 0.3,
        common_focal=options.common_focal,
        height=options.height or None,
        distance=_distance(options.distance),
        fix=options.fix or None,
    )


def _scale(config: CalibrationConfig, rough: bool) -> str:
    """Where the size of the scene comes from, in words."""
    if config.distance:
        return f"the distance of {config.distance[0]} and {config.distance[1]}"
    if config.height:
        return "the person's height"
    return "the approximate cameras and an average body" if rough else "an average body (unsure by some 4 %)"


def _folder(options: CalibrationOptions) -> Path:
    path = Path("downloads/pose2sim" if options.rig == "pose2sim" else options.rig).expanduser()
    if not path.is_dir():
        raise InputError("a rig folder", f"{path}, which does not exist", "check rig=DIR")
    return path


def _rig(folder: Path, options: CalibrationOptions) -> tuple[Rig, bool]:
    """The folder's rig and whether it is a calibration; without one, cameras guessed from the images."""
    try:
        rig = load_rig(folder)
        if options.init == "none":  # lens and focal length are kept, the poses are not
            blank = tuple(replace(c, R_cam_world=np.eye(3), t_cam_world=np.zeros(3)) for c in rig.cameras)
            rig = replace(rig, cameras=blank)
        return rig, True
    except InputError as error:
        is_absent = isinstance(error, NoCalibrationError)
        if (options.init == "approximate" and not options.cameras) or (
            options.init != "none" and not is_absent
        ):
            raise  # a damaged one is not taken for none
        if not is_absent:
            log.warning("%s", error)
    return guessed_rig(folder, options.fov, views=options.views), False


def _distance(text: str) -> tuple[str, str, float] | None:
    if not text:
        return None
    parts = text.split(",")
    try:
        a, b, metres = parts[0].strip(), parts[1].strip(), float(",".join(parts[2:]))
    except (IndexError, ValueError) as error:
        raise InputError("distance=CAMERA,CAMERA,METRES", text, "write distance=cam01,cam03,3.2") from error
    if not (metres > 0 and math.isfinite(metres)):
        raise InputError("a distance above 0", text, "write metres")
    if a == b:
        raise InputError("the distance of two cameras", f"{a} twice", "write distance=cam01,cam03,3.2")
    return a, b, metres


def _check_named(config: CalibrationConfig, names: list[str]) -> None:
    """InputError for cameras in `fix` and `distance` that there are not, before the proxies are generated."""
    fixed = [config.fix] if config.fix else []
    for option, named in (("fix", fixed), ("distance", [*(config.distance or ())][:2])):
        if unknown := [str(name) for name in named if name not in names]:
            fix = f"use one of these names: {', '.join(names)}"
            raise InputError(f"{option} of cameras among {', '.join(names)}", ", ".join(unknown), fix)
