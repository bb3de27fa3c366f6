"""`fit.py`: all frames of a rig, one after the other, each finished frame safe on disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from diffproxy import __version__
from diffproxy.body import BodyModel
from diffproxy.cameras import Camera, RigFrames
from diffproxy.fitting import FitConfig
from diffproxy.fitting.config import NETWORK_STD
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.fitting.keypoint_fit import open_sparse
from diffproxy.pipeline import fit_sequence, inputs
from diffproxy.pipeline.config import FitOptions, SolverOption
from diffproxy.pipeline.fit_frame import TRACK_GAP, FrameFitter, fit_frame
from diffproxy.pipeline.generate_proxies import Generated
from diffproxy.pipeline.outputs import write_outputs
from diffproxy.pipeline.person_boxes import choose_source
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_folder import FrameStore, fingerprint, open_run
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames

log = logging.getLogger(__name__)

IRRELEVANT = (
    "out", "overwrite", "save", "frames", "device", "rig", "common_frames", "smooth", "ground", "fps",
)  # fmt: skip
Solve = Callable[[int, FrameResult | None, Callable[[str], None]], tuple[FrameResult, Generated | None]]


def run_fit(options: FitOptions, root: Path, pipe: Any | None = None, locator: Any | None = None) -> Path:
    """Fit every chosen frame, write the results to `options.out` and return that folder.

    `root` is where the presets' relative paths start. `pipe` and `locator` replace the networks that the options
    name. Raises InputError for wrong input; a frame without a body is a status, not an error.
    """
    out = Path(options.out).expanduser()
    body = inputs.open_body(options.body)
    config = fit_config(options.solver, options.hands, options.prior)
    encoder = EncoderKeypointFitter(body, config) if options.encoder_keypoints else None
    together = fit_sequence.sequence_config(options)
    if options.proxies:
        saved = ProxyStore(inputs.find_folder(options.proxies, root), body)
        ids = select_frames(options.frames, saved.frame_ids)
        frames = None
        open_sparse(options.keypoints, None, body, config)
        settings = run_settings(options, body, (), {"proxies": saved.digest()})

        def solve(frame_id: int, last: FrameResult | None, stage: Callable[[str], None]) -> Any:
            stage("fit")
            made = saved.load(frame_id)
            near = options.track and last is not None and frame_id - last.frame_id <= TRACK_GAP
            return fit_frame(frame_id, made, body, config, last if near else None, encoder=encoder), made

    else:
        frames = inputs.open_rig(options, root)
        ids = select_frames(options.frames, frames.frame_ids)
        settings = run_settings(options, body, frames.cameras, {"rig": frames.rig.name})
        fitter: list[FrameFitter] = []  # networks are opened by the first frame that needs them

        def solve(frame_id: int, last: FrameResult | None, stage: Callable[[str], None]) -> Any:
            if not fitter:
                stage("open networks")
                fitter.append(_frame_fitter(options, body, config, frames, pipe, locator, encoder))
            stage("read")
            images = frames.read(frame_id)
            return fitter[0].run(frame_id, images, frames.cameras, last, stage)

    stamp = open_run(out, settings, options.overwrite)
    kept = None if options.proxies else ProxyStore(out / "proxies", body, must_exist=False)
    records, fresh = _all_frames(out, stamp, ids, solve, kept, options)
    if fit_sequence.wanted(options):
        together = fit_sequence.sequence_config(options, frames.rig.up.tolist()) if frames else together
        proxies = kept or saved
        records, fresh = fit_sequence.together(
            out, stamp, records, fresh, proxies, config, together, options.fps
        )
    write_outputs(out, records, fresh, body, frames, options, settings)
    return out


def fit_config(solver: SolverOption, hands: bool, prior: str = "gaussian") -> FitConfig:
    """The solver's settings for proxies of a network; InputError for one that `FitConfig` does not have."""
    try:
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
    return {**kept, **more, "cameras": fingerprint({"cameras": lens}), "version": __version__}


def _frame_fitter(
    options: FitOptions,
    body: BodyModel,
    config: FitConfig,
    frames: RigFrames,
    pipe: Any,
    locator: Any,
    encoder: EncoderKeypointFitter | None,
) -> FrameFitter:
    device = inputs.pick_device(options.device)
    pipe = pipe or inputs.open_generator(options.generator, device)
    auto = options.boxes == "auto" and not options.masks
    locator = (locator or inputs.open_locator(device)) if auto else None
    source = choose_source(options.boxes, options.masks, frames.cameras, locator)
    generate = inputs.generate_config(options, pipe, options.box_margin)
    sparse = open_sparse(options.keypoints, frames, body, config)
    return FrameFitter(body, pipe, source, generate, config, options.track, sparse, encoder)


def _all_frames(
    out: Path, stamp: str, ids: list[int], solve: Solve, kept: ProxyStore | None, options: FitOptions
) -> tuple[list[FrameResult], set[int]]:
    """Every frame's record, and the ids of those that were computed now."""
    store = FrameStore(out / "frames", stamp)
    if not (options.save.proxies or options.shape == "shared"):
        kept = None
    records: list[FrameResult] = []
    fresh: set[int] = set()
    with tqdm(ids, desc="frames", unit="frame") as bar:
        for frame_id in bar:
            record = store.load(frame_id)
            if record is None:
                begin = time.perf_counter()
                last = records[-1] if records else None

                def stage(name: str, frame_id: int = frame_id) -> None:
                    bar.set_postfix_str(f"{frame_id}: {name}")

                record, made = solve(frame_id, last, stage)
                record.info["seconds"] = time.perf_counter() - begin
                if kept is not None and made is not None:
                    kept.save(frame_id, made)
                store.save(record)  # last, so that a finished frame has all its files
                fresh.add(frame_id)
                if record.status != "ok":
                    log.warning("frame %d: %s (%s)", frame_id, record.status, record.reason)
            records.append(record)
    if len(fresh) < len(ids):
        log.info("%d of %d frames were finished before", len(ids) - len(fresh), len(ids))
    return records, fresh
