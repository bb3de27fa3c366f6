"""`fit.py cameras=predicted|none`: cameras from the person in a take, before its frames are fitted with them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from diffproxy.body import BodyModel
from diffproxy.calibration.assumed_rig import AssumedRig, assumed_rig
from diffproxy.calibration.detected_people import detected_people
from diffproxy.calibration.joint_fit import fit_with_cameras
from diffproxy.calibration.session_proxies import surest_boxes
from diffproxy.calibration.solved_rig import focal_note, save_calibration, solved_rig
from diffproxy.calibration.view_proxies import detections, generate_each_view
from diffproxy.pipeline import inputs
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.generate_proxies import FrameGenerator, Generated, generate_proxies
from diffproxy.pipeline.networks import PACKAGED, Networks
from diffproxy.pipeline.person_boxes import choose_source
from diffproxy.pipeline.proxy_cache import ProxyStore, in_cameras
from diffproxy.pipeline.run_inputs import frame_inputs
from diffproxy.pipeline.solved_calibration import SolvedCalibration
from diffproxy.pipeline.subject_views import SubjectViews
from diffproxy.pipeline.take import run_settings
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.spread import spread
from diffproxy.utils.timing import Stopwatch

log = logging.getLogger(__name__)
ProxiesOf = Callable[[int], Generated | None]
"""The proxies of a frame; None where nobody is seen."""


def with_solved_cameras(options: FitOptions, root: Path, networks: Networks = PACKAGED) -> FitOptions:
    """The options of a run with given cameras as they are; otherwise with cameras solved from the take.

    The cameras are written to `options.out` as rig.json with rig.report.json beside it, and `rig.calibration` names
    them. A second run of the same options and images reads them from there.

    Args:
        options: Options of a fit.
        root: Where the presets' relative paths start.
        networks: Those that the caller has opened already.

    Raises:
        InputError: images or predictions that do not fit, too few cameras that see the person, or another
            calibration in `options.out`.
    """
    if options.cameras == "given":
        return options
    solved = SolvedCalibration(Path(options.out).expanduser())
    body, assumed = inputs.open_body(options.body), assumed_rig(options, root)
    frames = assumed.frames
    saved = ProxyStore(inputs.find_folder(options.proxies, root), body) if options.proxies else None
    there = frames.frame_ids if saved is None else sorted({*frames.frame_ids} & {*saved.frame_ids})
    if not there:
        raise InputError("proxies of the images' frames", f"none in {options.proxies}", "check proxies=DIR")
    ids = spread(select_frames(options.frames, there), options.camera_frames)
    digests = {
        str(i): frame_inputs(frames, i, options.masks) | (saved.inputs(i) if saved else {}) for i in ids
    }
    seen = {"images": digests, **inputs.matching_settings(options)}
    stamp = fingerprint(run_settings(options, body, frames.cameras, seen))
    if not _is_solved(solved, stamp, options.overwrite):
        made = _generated(options, assumed, body, networks) if saved is None else _saved(saved, assumed)
        _solve(solved.rig, stamp, assumed, ids, options, body, made)
    frames.close()
    return replace(options, rig=replace(options.rig, calibration=str(solved.rig.resolve())))


def _is_solved(solved: SolvedCalibration, stamp: str, overwrite: bool) -> bool:
    """Whether an earlier run has solved the same cameras. InputError for a file of others, or of another run."""
    if not solved.rig.exists():
        return False
    earlier = solved.stamp()
    if earlier is None:
        raise InputError(
            f"in {solved.out} no calibration of others",
            f"{solved.rig}, without a report of fit.py",
            "choose another out=DIR",
        )
    if earlier != stamp and not overwrite:
        raise InputError(
            f"the options and images that the cameras in {solved.rig} were solved with",
            "others",
            "add overwrite=true to solve them again, or choose another out=DIR",
        )
    return earlier == stamp and not overwrite


def _solve(
    path: Path,
    stamp: str,
    assumed: AssumedRig,
    ids: Sequence[int],
    options: FitOptions,
    body: BodyModel,
    proxies_of: ProxiesOf,
) -> None:
    """Solve the cameras and write them with their report."""
    start, predicted = assumed.cameras, options.cameras == "predicted"
    made: dict[int, Generated] = {}
    for frame_id in tqdm(ids, desc="proxies for the cameras", unit="frame"):
        if (found := proxies_of(frame_id)) is not None:
            made[frame_id] = found
    if not made:
        raise InputError("a person in the images", "none found", "give boxes=FILE")
    people = None
    if options.keypoints:
        people = detected_people(options.keypoints, assumed.frames, list(made))
    elif options.encoder_keypoints:
        people = [detections(g, start) for g in made.values()]
    height = options.person_height or None
    solved = fit_with_cameras(
        [g.maps for g in made.values()],
        start,
        body,
        predicted,
        assumed.intrinsics,
        people,
        height,
        upright=True,
    )
    scale = "the person's height" if height else "the body prior (a body of average size, unsure by some 4 %)"
    note = f"cameras={options.cameras}: solved from the person in frames {list(made)}, scale from {scale}"
    notes = [*assumed.rig.notes]
    if not (predicted or assumed.intrinsics):
        notes.append(focal_note(solved.cameras[0], solved.reports[0]))
    rig = solved_rig(replace(assumed.rig, notes=notes), start, solved, note, "+Y")
    path.unlink(missing_ok=True)  # a run that is killed between the two files must not pair them wrongly
    save_calibration(path, rig, solved, list(made), scale, notes, stamp=stamp)
    log.info("%s: %s", note, path)
    for doubt in rig.doubts:
        log.warning("cameras: %s", doubt)


def _saved(store: ProxyStore, assumed: AssumedRig) -> ProxiesOf:
    return lambda frame_id: in_cameras(store.load(frame_id), assumed.cameras)


def _generated(options: FitOptions, assumed: AssumedRig, body: BodyModel, networks: Networks) -> ProxiesOf:
    """Proxies generated with predicted or without cameras."""
    frames, cameras = assumed.frames, assumed.cameras
    device = inputs.pick_device(options.device)
    pipe = networks.pipe or inputs.open_generator(options.generator, device)
    config = replace(inputs.generate_config(options, pipe, options.box_margin), hands=False)
    generator = FrameGenerator(pipe, body, config)
    generate: Callable[..., Generated] = (
        generate_proxies if options.cameras == "predicted" else generate_each_view
    )
    source = None
    if options.boxes == "auto" and not options.masks:
        detector = networks.detector or inputs.open_detector(device)
    else:
        source = choose_source(
            options.boxes, options.masks, cameras, None, frames.file_numbers, frames.frame_ids
        )

    def proxies_of(frame_id: int) -> Generated | None:
        shown = frames.read_views(frame_id).images
        views = [v for v, image in enumerate(shown) if image is not None]
        images = [image for image in shown if image is not None]
        seen = [cameras[v] for v in views]
        boxes = (
            surest_boxes(detector, images)
            if source is None
            else source.find(frame_id, images, seen, None).boxes
        )
        subject = SubjectViews.with_box(images, seen, boxes)
        if not len(subject):
            log.warning("frame %d: nobody is seen", frame_id)
            return None
        return generate(generator, subject, Stopwatch())

    return proxies_of
