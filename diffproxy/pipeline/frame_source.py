"""Where the results of a run's frames come from: images of a rig, or saved proxies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from diffproxy.cameras import Camera, RigFrames
from diffproxy.cameras.frames import FrameImages
from diffproxy.cameras.views import all_views, chosen_names
from diffproxy.fitting.keypoint_fit import open_sparse
from diffproxy.fitting.result import Status
from diffproxy.pipeline import inputs
from diffproxy.pipeline.camera_free_generator import camera_free
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.fit_frame import BodyFitter, fit_frame
from diffproxy.pipeline.frame_fitter import FrameFitter
from diffproxy.pipeline.generate_proxies import FrameGenerator, Generated
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.person_boxes import choose_source
from diffproxy.pipeline.person_source import PersonSource
from diffproxy.pipeline.proxy_cache import ProxyStore, in_cameras, of_cameras
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_inputs import frame_inputs

Stage = Callable[[str], None]
SEVERAL = 20  # frames whose proxies tell which cameras there are: one may lack a view that could not be read


@dataclass(frozen=True)
class FrameSource:
    """Where a run's frames come from.

    Args:
        frame_ids: All frames there are.
        cameras: Their cameras, where they are known before the first frame.
        settings: What tells this source from others, for `run.json`.
        inputs: Digests of the files of a frame.
        prepare: Opens what `solve` needs, once; it raises InputError for what is wrong with it.
        solve: From the frame's number, the frame to start from and a call for each stage to its result and proxies.
    """

    frame_ids: list[int]
    cameras: Sequence[Camera]
    settings: dict[str, Any]
    inputs: Callable[[int], dict[str, str]]
    prepare: Callable[[], object]
    solve: Callable[[int, FrameResult | None, Stage], tuple[FrameResult, Generated | None]]


def calibrated_images(options: FitOptions, root: Path) -> RigFrames | None:
    """The images that saved proxies are of, where a calibration says which cameras to take in place of the saved."""
    if not options.rig.calibration:
        return None
    frames = inputs.open_rig(options, root)
    frames.close()
    return frames


def source_of_proxies(
    calibrated: RigFrames | None, saved: ProxyStore, fitter: BodyFitter, views: str
) -> FrameSource:
    """Frames fitted to saved proxies.

    Args:
        calibrated: Images whose cameras replace those of the proxies; None: the saved cameras.
        saved: The proxies.
        fitter: What they are fitted with.
        views: The option `views=`: which of the saved cameras, where no others replace them.
    """
    chosen: list[str] = []
    if calibrated is None and not all_views(views):
        shown = {c.name for f in saved.frame_ids[:SEVERAL] for c in saved.load(f).maps.cameras}
        chosen = chosen_names(views, sorted(shown))
    cameras = () if calibrated is None else calibrated.cameras
    doubts = () if calibrated is None else calibrated.rig.doubts

    def solve(frame_id: int, last: FrameResult | None, stage: Stage) -> tuple[FrameResult, Generated]:
        stage("fit")
        made = saved.load(frame_id)
        made = in_cameras(made, cameras) if cameras else of_cameras(made, chosen) if chosen else made
        return with_camera_doubts(fit_frame(frame_id, made, fitter, last), doubts), made

    return FrameSource(saved.frame_ids, cameras, {}, saved.inputs, lambda: None, solve)


def source_of_images(
    options: FitOptions,
    frames: RigFrames,
    fitter: BodyFitter,
    networks: Networks,
    person: PersonSource | None,
) -> FrameSource:
    """Frames whose proxies are generated from images and then fitted.

    Args:
        options: Of the run.
        frames: Images of the rig.
        fitter: What the proxies are fitted with.
        networks: Those that the caller has opened already; the others are opened by the first frame.
        person: Boxes of one person of several; None: the take shows one person.
    """

    @cache
    def frame_fitter() -> FrameFitter:
        return _frame_fitter(options, frames, fitter, networks, person)

    def solve(frame_id: int, last: FrameResult | None, stage: Stage) -> tuple[FrameResult, Generated | None]:
        stage("open networks")
        opened = frame_fitter()
        stage("read")
        shown = frames.read_views(frame_id)
        good = [v for v, image in enumerate(shown.images) if image is not None]
        if not good:
            raise next(iter(shown.unreadable.values()))
        images = [image for image in shown.images if image is not None]
        record, made = opened.run(frame_id, images, [frames.cameras[v] for v in good], last, stage)
        record = with_camera_doubts(with_image_problems(record, shown), frames.rig.doubts)
        return record, made

    return FrameSource(
        frames.frame_ids,
        frames.cameras,
        {
            "rig": frames.rig.name,
            **inputs.matching_settings(options),
            **({"person": person.digest} if person else {}),
        },
        lambda frame_id: frame_inputs(frames, frame_id, options.masks),
        frame_fitter,
        solve,
    )


def with_camera_doubts(record: FrameResult, doubts: Sequence[str]) -> FrameResult:
    """The record; a body is no better than the cameras that it was fitted with."""
    if not doubts or not record.has_body:
        return record
    status: Status = "doubtful" if record.status == "ok" else record.status
    return replace(record, status=status, reason="; ".join([*doubts, *filter(None, [record.reason])]))


def with_image_problems(record: FrameResult, shown: FrameImages) -> FrameResult:
    """The record with prints of its images, and those named that could not be read, or not intact."""
    problems = [f"{name}: image left out, it cannot be read" for name in shown.unreadable]
    problems += [f"{name}: damaged image ({text[:120]})" for name, text in shown.damaged.items()]
    record = replace(record, info={**record.info, "image_prints": shown.prints})
    if not problems:
        return record
    info = {**record.info, "image_problems": problems, "unreadable": [*shown.unreadable]}
    info["notes"] = [*record.info.get("notes", ()), *problems]
    return replace(record, info=info, reason="; ".join(x for x in (record.reason, *problems) if x))


def _frame_fitter(
    options: FitOptions,
    frames: RigFrames,
    fitter: BodyFitter,
    networks: Networks,
    person: PersonSource | None,
) -> FrameFitter:
    """Opens the networks that are not given, and the files of keypoints."""
    device = inputs.pick_device(options.device)
    pipe = networks.pipe or inputs.open_generator(options.generator, device)
    pipe = camera_free(pipe, options, frames.cameras)
    auto = options.boxes == "auto" and not options.masks and person is None
    detector = (networks.detector or inputs.open_detector(device)) if auto else None
    source = person or choose_source(
        options.boxes, options.masks, frames.cameras, detector, frames.file_numbers, frames.frame_ids
    )
    generator = FrameGenerator(pipe, fitter.body, inputs.generate_config(options, pipe, options.box_margin))
    sparse = open_sparse(options.keypoints, frames, fitter.body, fitter.config)
    return FrameFitter(replace(fitter, sparse=sparse), generator, source, options.track, person)
