"""A calibration session: rig, proxies, keypoints and configuration, read from the options of the command."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from diffproxy.body import BodyModel, load_body
from diffproxy.calibration.config import Calibration, CalibrationConfig
from diffproxy.calibration.options import CalibrationOptions
from diffproxy.calibration.solved_rig import solved_rig
from diffproxy.cameras import Camera, Rig, RigFrames, frame_matching, load_rig, open_frames
from diffproxy.cameras.io import NoCalibrationError
from diffproxy.cameras.predicted import guessed_rig, load_predicted
from diffproxy.keypoints import Person2D, open_keypoints
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
    focal = options.focal == "true" if options.focal != "auto" else not has_calibration
    config = CalibrationConfig(
        rough=rough,
        rotation_std_deg=options.rotation_std,
        translation_std=options.translation_std,
        focal=focal,
        focal_std=0.05 if has_calibration or predicted else 0.3,
        common_focal=options.common_focal,
        height=options.height or None,
        distance=_distance(options.distance),
        fix=options.fix or None,
    )
    _check_named(config, [c.name for c in cameras])
    if options.proxies:
        maps, ids = _load_proxies(Path(options.proxies), body, ids, frames)
    else:
        maps = _generate(options, body, frames, ids, rough and not predicted)
    keypoints = None
    if options.keypoints:
        keypoints = detected_people(options.keypoints, frames, ids)
    if config.distance:
        scale = f"the distance of {config.distance[0]} and {config.distance[1]}"
    elif config.height:
        scale = "the person's height"
    else:
        scale = (
            "the approximate cameras and an average body" if rough else "an average body (unsure by some 4 %)"
        )
    return Session(body, cameras, config, maps, ids, rig, rough, scale, keypoints, list(frames.notes))


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


def _load_proxies(
    folder: Path, body: BodyModel, ids: list[int], frames: RigFrames
) -> tuple[list[ProxyMaps], list[int]]:
    """Saved proxies of the wanted frames that have any, with the intrinsics of today's cameras and the same crops."""
    from diffproxy.pipeline.proxy_cache import ProxyStore, in_cameras

    store = ProxyStore(folder, body)
    have = [f for f in ids if f in store.frame_ids]
    if not have:
        raise InputError(
            f"proxies of the frames {ids[:5]}...", f"{store.frame_ids[:5]}...", "choose other frames="
        )
    saved = [store.load(f) for f in have]
    return [(in_cameras(made, frames.cameras) if made.boxes else made).maps for made in saved], have


def _generate(
    options: CalibrationOptions, body: BodyModel, frames: RigFrames, ids: list[int], placed: bool
) -> list[ProxyMaps]:
    """Proxies of every frame, each view by itself: no view must lean on cameras that are not known yet."""
    from diffproxy.calibration.view_proxies import generate_each_view
    from diffproxy.pipeline.generate_proxies import FrameGenerator, GenerateConfig
    from diffproxy.pipeline.given_boxes import BoxFile
    from diffproxy.pipeline.inputs import open_detector, open_generator, pick_device
    from diffproxy.pipeline.model_options import GeneratorOption
    from diffproxy.pipeline.subject_views import SubjectViews
    from diffproxy.utils.timing import Stopwatch

    device = pick_device("auto")
    pipe = open_generator(GeneratorOption(weights=options.generator), device)
    detector = None if options.boxes else open_detector(device)
    given = BoxFile(Path(options.boxes), frames.cameras, frames.frame_ids) if options.boxes else None
    config = GenerateConfig(size=int(pipe.network.config.image_size), hands=False)
    generator = FrameGenerator(pipe, body, config)
    out: list[ProxyMaps] = []
    for frame_id, images in tqdm(frames.iterate(ids), total=len(ids), desc="proxies", unit="frame"):
        if given is not None:
            boxes: list[Any] = list(given.find(frame_id, images, frames.cameras, None).boxes)
        else:
            boxes = _detect(detector, images, frames.cameras, placed)
        subject = SubjectViews.with_box(images, frames.cameras, boxes)
        if len(subject):
            out.append(generate_each_view(generator, subject, Stopwatch()).maps)
        else:
            log.warning("frame %d: nobody is seen", frame_id)
            ids.remove(frame_id)
    if not out:
        raise InputError("a person in the images", "none found", "give boxes=FILE")
    return out


def _detect(detector: Any, images: list[np.ndarray], cameras: tuple[Camera, ...], placed: bool) -> list[Any]:
    """A box in every view: by geometry where the cameras are nearly known, else the surest and largest."""
    from diffproxy.pipeline.person_boxes import Located

    if placed:
        where = Located(detector).find(0, images, cameras, None)
        if where.views >= 2:
            return list(where.boxes)
    return surest_boxes(detector, images)


def surest_boxes(detector: Any, images: Sequence[np.ndarray]) -> list[Any]:
    """In every view the surest and largest person's box, where cameras cannot tell who is the same; None: nobody."""
    boxes = []
    for found in detector.locate(list(images)):
        best = max(found, key=lambda c: float(c.score) * (c.box[3] - c.box[1]), default=None)
        boxes.append(None if best is None else tuple(float(v) for v in best.box))
    return boxes


def detected_people(folder: str, frames: RigFrames, ids: Sequence[int]) -> list[list[list[Person2D]]]:
    """Keypoints of another detector: `people[f][c]` in pixels of the undistorted images of frame `ids[f]`."""
    files = open_keypoints(folder, frames.raw_cameras)
    files.compare_frames(frames.frame_ids, frames.file_numbers)
    return [_undistorted(files.frame(f, frames.raw_cameras, frames.file_numbers(f)), frames) for f in ids]


def _undistorted(people: list[list[Person2D]], frames: RigFrames) -> list[list[Person2D]]:
    """Detections in pixels of the undistorted images."""
    out = []
    for found, image, camera in zip(people, frames.raw_cameras, frames.cameras, strict=True):
        moved = []
        for person in found:
            xy = image.normalized(person.points[:, :2]) @ camera.K[:2, :2].T + camera.K[:2, 2]
            good = np.isfinite(xy).all(-1)
            points = np.column_stack([np.where(good[:, None], xy, 0.0), person.points[:, 2] * good])
            moved.append(Person2D(points))
        out.append(moved)
    return out
