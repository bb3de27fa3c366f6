"""`fit.py`: all frames of a rig, one after the other, each finished frame safe on disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from tqdm import tqdm

from diffproxy import __version__
from diffproxy.body import BodyModel
from diffproxy.cameras import Camera, Rig, RigFrames
from diffproxy.cameras.frames import FrameImages
from diffproxy.fitting import FitConfig
from diffproxy.fitting.config import NETWORK_STD
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.fitting.keypoint_fit import open_sparse
from diffproxy.pipeline import fit_sequence, inputs
from diffproxy.pipeline.config import FitOptions, SolverOption
from diffproxy.pipeline.fit_frame import TRACK_GAP, FrameFitter, Guess, fit_frame
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.ground_truth_errors import check_ground_truth
from diffproxy.pipeline.outputs import write_outputs
from diffproxy.pipeline.person_boxes import choose_source
from diffproxy.pipeline.person_source import PersonSource
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_folder import FrameStore, RunFolder, planned_files, record_digest
from diffproxy.pipeline.run_inputs import check_unchanged, frame_inputs, input_paths, shared_inputs
from diffproxy.utils.digests import fingerprint
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.options import require_finite
from diffproxy.utils.validation import validated

log = logging.getLogger(__name__)

IRRELEVANT = (
    "out", "overwrite", "save", "frames", "device", "rig", "rig_check", "common_frames", "smooth", "ground", "fps",
)  # fmt: skip
Stage = Callable[[str], None]


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


def run_fit(
    options: FitOptions,
    root: Path,
    pipe: Any | None = None,
    locator: Any | None = None,
    person: PersonSource | None = None,
    guess: Guess | None = None,
) -> Path:
    """Fit every chosen frame, write the results to `options.out` and return that folder.

    `root` is where the presets' relative paths start. `pipe` and `locator` replace the networks that the options
    name; `person` has the boxes of one person of several; `guess` gives bodies to start from (`start=single_view`).
    Raises InputError for wrong input, before anything is removed or written; what is wrong with one frame is its
    status, and an error only when no frame could be computed.
    """
    if options.people != "one":
        raise InputError(
            "people=one for results in one folder",
            f"people={options.people}",
            "use the command `diffproxy fit`, or diffproxy.pipeline.several_people.fit_people",
        )
    options = inputs.with_stated_offsets(options)
    out = Path(options.out).expanduser()
    if options.start == "single_view" and guess is None:
        raise InputError(
            "a network for start=single_view", "none", "use the command `diffproxy fit`, or diffproxy.fit_rig"
        )
    body = inputs.open_body(options.body)
    config = fit_config(options.solver, options.hands, options.prior)
    encoder = EncoderKeypointFitter(body, config) if options.encoder_keypoints else None
    together = fit_sequence.sequence_config(options)
    frames = None if options.proxies else inputs.open_rig(options, root)
    if frames is None:
        saved = ProxyStore(inputs.find_folder(options.proxies, root), body)
        open_sparse(options.keypoints, None, body, config)
        source = _saved_proxies(options, saved, config, encoder, guess)
    else:
        source = _images(options, frames, body, config, encoder, pipe, locator, person, guess)
        check_ground_truth(frames.rig.root)
    ids = select_frames(options.frames, source.frame_ids)
    if frames is None and options.rig_check:
        _check_cameras_of(saved, ids)
    settings = run_settings(options, body, source.cameras, source.settings)
    run = RunFolder(out, settings)
    files = planned_files(ids, [c.name for c in source.cameras], options)
    run.check(files, options.overwrite, input_paths(options, frames))
    store = FrameStore(out / "frames", run.stamp)
    finished = {} if options.overwrite else _finished_frames(store, ids, source, out)
    if len(finished) < len(ids):
        source.prepare()
    run.open(files, options.overwrite, input_paths(options, frames))
    kept = None if options.proxies else ProxyStore(out / "proxies", body, must_exist=False)
    records, errors = _all_frames(store, ids, finished, source, kept, options)
    if fit_sequence.wanted(options):
        together = fit_sequence.sequence_config(options, frames.rig.up.tolist()) if frames else together
        proxies = kept or saved
        records = fit_sequence.together(out, run.stamp, records, proxies, config, together, options.fps)
    write_outputs(out, records, body, frames, options, settings)
    if len(errors) == len(ids):
        raise errors[0]
    return out


def _check_cameras_of(saved: ProxyStore, ids: list[int]) -> None:
    """The rig check for the cameras of the first saved frame; one that cannot be read is that frame's trouble."""
    try:
        maps = saved.load(ids[0]).maps
    except InputError:
        return
    cameras = {c.name: c for c, kind in zip(maps.cameras, maps.kind, strict=True) if kind == "body"}
    if len(cameras) > 1:
        inputs.check_before_fit(Rig(str(saved.folder), tuple(cameras.values())))


def _saved_proxies(
    options: FitOptions,
    saved: ProxyStore,
    config: FitConfig,
    encoder: EncoderKeypointFitter | None,
    guess: Guess | None,
) -> FrameSource:
    def solve(frame_id: int, last: FrameResult | None, stage: Stage) -> tuple[FrameResult, Generated]:
        stage("fit")
        made = saved.load(frame_id)
        return fit_frame(frame_id, made, saved.body, config, last, encoder=encoder, guess=guess), made

    return FrameSource(saved.frame_ids, (), {}, saved.inputs, lambda: None, solve)


def _images(
    options: FitOptions,
    frames: RigFrames,
    body: BodyModel,
    config: FitConfig,
    encoder: EncoderKeypointFitter | None,
    pipe: Any,
    locator: Any,
    person: PersonSource | None,
    guess: Guess | None,
) -> FrameSource:
    @cache
    def fitter() -> FrameFitter:
        return _frame_fitter(options, body, config, frames, pipe, locator, encoder, person, guess)

    def solve(frame_id: int, last: FrameResult | None, stage: Stage) -> tuple[FrameResult, Generated | None]:
        stage("open networks")
        frame_fitter = fitter()
        stage("read")
        shown = frames.read_views(frame_id)
        good = [v for v, image in enumerate(shown.images) if image is not None]
        if not good:
            raise next(iter(shown.unreadable.values()))
        images = [image for image in shown.images if image is not None]
        record, made = frame_fitter.run(frame_id, images, [frames.cameras[v] for v in good], last, stage)
        return with_image_problems(record, shown), made

    return FrameSource(
        frames.frame_ids,
        frames.cameras,
        {
            "rig": frames.rig.name,
            **inputs.matching_settings(options),
            **({"person": person.digest} if person else {}),
        },
        lambda frame_id: frame_inputs(frames, frame_id, options.masks),
        fitter,
        solve,
    )


def with_image_problems(record: FrameResult, shown: FrameImages) -> FrameResult:
    """The record with the images named that could not be read, or not intact."""
    problems = [f"{name}: image left out, it cannot be read" for name in shown.unreadable]
    problems += [f"{name}: damaged image ({text[:120]})" for name, text in shown.damaged.items()]
    if not problems:
        return record
    info = {**record.info, "image_problems": problems, "unreadable": [*shown.unreadable]}
    info["notes"] = [*record.info.get("notes", ()), *problems]
    return replace(record, info=info, reason="; ".join(x for x in (record.reason, *problems) if x))


def fit_config(solver: SolverOption, hands: bool, prior: str = "gaussian") -> FitConfig:
    """The solver's settings for proxies of a network; InputError for one that `FitConfig` does not have."""
    try:
        require_finite(solver.settings, "solver.settings.")
        types = get_type_hints(FitConfig)
        for name in set(solver.settings) & set(types):
            where = f"solver.settings.{name}"
            validated(
                types[name], solver.settings[name], where, f"write {where}={getattr(FitConfig, name, 1)}"
            )
        given = {"prior": prior, **NETWORK_STD, **solver.settings}
        settings: dict[str, Any] = {**given, "solver": solver.name, "hands": hands}
        return FitConfig(**settings)
    except TypeError as error:
        known = ", ".join(FitConfig.__dataclass_fields__)
        raise InputError(
            f"solver.settings among {known}", str(error), "drop or rename that setting"
        ) from error


def run_settings(
    options: FitOptions, body: BodyModel, cameras: Sequence[Camera], more: dict
) -> dict[str, Any]:
    """Everything that changes a frame's result, as plain JSON; what does not is left out."""
    kept = {k: v for k, v in asdict(options).items() if k not in IRRELEVANT}
    lens = [[c.name, c.width, c.height, *(np.round(a, 9).tolist() for a in (c.K, c.R_cam_world, c.t_cam_world))]
            for c in cameras]  # fmt: skip
    kept["body"] = {"name": body.name, "topology": body.topology_id}
    kept |= {"cameras": fingerprint({"cameras": lens}), "content": shared_inputs(options)}
    return {**kept, **more, "version": __version__}


def _frame_fitter(
    options: FitOptions,
    body: BodyModel,
    config: FitConfig,
    frames: RigFrames,
    pipe: Any,
    locator: Any,
    encoder: EncoderKeypointFitter | None,
    person: PersonSource | None,
    guess: Guess | None,
) -> FrameFitter:
    device = inputs.pick_device(options.device)
    pipe = pipe or inputs.open_generator(options.generator, device)
    auto = options.boxes == "auto" and not options.masks and person is None
    locator = (locator or inputs.open_locator(device)) if auto else None
    source = person or choose_source(
        options.boxes, options.masks, frames.cameras, locator, frames.file_numbers
    )
    generate = inputs.generate_config(options, pipe, options.box_margin)
    sparse = open_sparse(options.keypoints, frames, body, config)
    return FrameFitter(
        body,
        pipe,
        source,
        generate,
        config,
        options.track,
        sparse,
        encoder,
        person,
        guess,
    )


def _finished_frames(
    store: FrameStore, ids: Sequence[int], source: FrameSource, out: Path
) -> dict[int, FrameResult]:
    """The frames that an earlier run finished. InputError if one of their files has changed since."""
    found = {i: record for i in ids if (record := store.load(i)) is not None}
    return {i: record for i, record in found.items() if check_unchanged(record, source.inputs(i), out)}


def _all_frames(
    store: FrameStore,
    ids: list[int],
    finished: dict[int, FrameResult],
    source: FrameSource,
    kept: ProxyStore | None,
    options: FitOptions,
) -> tuple[list[FrameResult], list[InputError]]:
    """Every frame's record, and the errors of the frames that could not be computed; these are tried again next time.

    A frame starts from the one before it in `ids`, the first one from an earlier frame that is finished. A finished
    frame that had another start is computed again: so frames computed one by one or in parts are those of one run.
    """
    if not (options.save.proxies or options.shape == "shared"):
        kept = None
    records: list[FrameResult] = []
    errors: list[InputError] = []
    computed = 0
    with tqdm(ids, desc="frames", unit="frame") as bar:
        for frame_id in bar:
            last = records[-1] if records else store.before(frame_id, TRACK_GAP)
            if not (options.track and last and last.has_body and frame_id - last.frame_id <= TRACK_GAP):
                last = None
            start = {"frame": last.frame_id, "digest": record_digest(last)} if last is not None else None
            record = finished.get(frame_id)
            if record is None or record.info.get("start") != start:

                def stage(name: str, frame_id: int = frame_id) -> None:
                    bar.set_postfix_str(f"{frame_id}: {name}")

                begin, digests = time.perf_counter(), source.inputs(frame_id)
                try:
                    record, made = source.solve(frame_id, last, stage)
                except (InputError, np.linalg.LinAlgError) as error:
                    errors.append(
                        error
                        if isinstance(error, InputError)
                        else InputError(
                            "a fit that converges", f"{error}", "look at the images of this frame"
                        )
                    )
                    record, made = FrameResult(frame_id, "failed", failure(errors[-1])), None
                record.info.update(seconds=time.perf_counter() - begin, inputs=digests, start=start)
                if kept is not None and made is not None:
                    kept.save(frame_id, made)
                if not (errors and record.reason == failure(errors[-1])):
                    store.save(record)  # last, so that a finished frame has all its files
                computed += 1
                if record.status != "ok":
                    log.warning("frame %d: %s (%s)", frame_id, record.status, record.reason)
            records.append(record)
    if computed < len(ids):
        log.info("%d of %d frames were finished before", len(ids) - computed, len(ids))
    return records, errors


def failure(error: InputError) -> str:
    """The reason of a frame that could not be computed."""
    return f"expected {error.expected}, found {error.found}"
