"""From options to the objects of a run: rig, pictures, body, generator, detector."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from diffproxy.body import BodyModel, load_body
from diffproxy.cameras import FrameMatching, Rig, RigFrames, check_rig, frame_matching, load_rig, open_frames
from diffproxy.pipeline.config import FitOptions, RigOption
from diffproxy.pipeline.generate_proxies import GenerateConfig
from diffproxy.pipeline.model_options import BodyOption, GeneratorOption, SharedOptions
from diffproxy.utils.errors import InputError

log = logging.getLogger(__name__)

SAME_RATE = 0.02  # 29.97 and 30 frames a second are one rate


def find_folder(path: str, root: Path) -> Path:
    """`path` as given, or under the project folder when it is not found from here (presets name it so)."""
    given = Path(path).expanduser()
    return given if given.exists() or given.is_absolute() else root / given


def rig_folder(option: RigOption, root: Path) -> Path:
    """The rig folder of the options, made first when it has a recipe."""
    if option.prepare in ("pose2sim", "pose2sim_two_people"):
        from diffproxy.cameras.pose2sim_demo import prepare_pose2sim

        target = find_folder(option.path, root)
        target.mkdir(parents=True, exist_ok=True)
        return prepare_pose2sim(target, option.prepare)
    if option.prepare:
        raise InputError(
            'rig.prepare "", pose2sim or pose2sim_two_people', option.prepare, "leave rig.prepare out"
        )
    folder = find_folder(option.path, root)
    if not folder.exists():
        raise InputError(
            "a rig folder", f"{option.path}, which does not exist", "check rig=DIR; see docs/usage.md"
        )
    return folder


def matching_of(option: RigOption) -> FrameMatching:
    """How the frames of the cameras are put together."""
    return frame_matching(option.offsets, option.match, option.rotate)


def with_stated_offsets(options: FitOptions) -> FitOptions:
    """The options with the offsets of a file in place of its name: the file may change, the run's options stay."""
    offsets = ",".join(f"{name}:{n}" for name, n in matching_of(options.rig).offsets.items() if n)
    return replace(options, rig=replace(options.rig, offsets=offsets))


def with_frame_rate(options: FitOptions, frames: RigFrames | None) -> FitOptions:
    """The options with the frame rate that the videos state, where none is given; 30 where they state none."""
    if options.fps:
        return options
    stated = 0.0 if frames is None else frames.frame_rate
    if not stated:
        return replace(options, fps=30.0)
    log.info("fps: %g, as the videos state; another one: fps=N", stated)
    return replace(options, fps=stated)


def matching_settings(options: FitOptions) -> dict[str, dict]:
    """What of the matching tells one run from another; nothing where frames go by their numbers."""
    matching = matching_of(options.rig)
    return {} if matching.is_plain else {"matching": asdict(matching)}


def open_rig(options: FitOptions, root: Path, say: bool = True) -> RigFrames:
    """Pictures of the chosen views, undistorted on reading; `say`: the rig's notes go to the log."""
    folder = rig_folder(options.rig, root)
    rig = load_rig(folder, options.rig.calibration or None)
    matching = matching_of(options.rig)
    rig = rig.chosen(options.views)
    if options.rig_check:
        check_before_fit(rig)
    common, images = options.common_frames, options.rig.images
    frames = open_frames(folder, rig, common_frames=common, matching=matching, images=images)
    for note in frames.rig.notes if say else ():
        log.info("rig: %s", note)
    warn_of_other_rate(frames, options.fps)
    return frames


def warn_of_other_rate(frames: RigFrames, fps: float) -> None:
    """Log that the videos state another rate than a given `fps`, which smoothing, speeds and exported times follow."""
    rate = frames.frame_rate
    if rate and fps and abs(rate / fps - 1) > SAME_RATE:
        text = f"the videos state {rate:.4g} frames a second, this run counts {fps:g}: write fps={rate:.4g}, "
        text += "unless they are in slow or fast motion"
        log.warning("rig: %s", text)
        frames.rig.notes.append(text)


def check_before_fit(rig: Rig) -> None:
    """InputError for a calibration that no rig can have; its doubts go to the log."""
    report = check_rig(rig)
    for text in report.warnings:
        log.warning("rig: %s", text)
    try:
        report.raise_errors()
    except InputError as error:
        fix = f"{error.fix} ; to go on with it as it is: rig_check=false"
        raise InputError(error.expected, error.found, fix) from error


def open_body(option: BodyOption) -> BodyModel:
    """The body of the options in float32 on the CPU."""
    return load_body(option.path, allow_pickle=True) if option.allow_pickle else load_body(option.path)


def pick_device(name: str) -> torch.device:
    """`auto`: this process's GPU (torchrun's LOCAL_RANK) where there is one. InputError for one that is not there."""
    if name == "auto":
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        have = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        found = str(error).splitlines()[0]
        raise InputError(
            f"a device of this machine ({have})", f"device={name}: {found}", "write device=auto"
        ) from error
    return device


def open_generator(option: GeneratorOption, device: torch.device) -> Any:
    """The proxy pipeline on `device`, with its UNet only if the option's steps need it."""
    from diffproxy.generator import DiffProxyPipeline

    denoiser = None if option.steps < 0 else option.steps > 0
    pipe = DiffProxyPipeline.from_pretrained(
        option.weights, sources=option.sources, allow_download=option.download, denoiser=denoiser
    )
    pipe.network.use_backend(option.attention.backend)
    return pipe.to(device)


def generate_config(options: SharedOptions, pipe: Any, margin: float) -> GenerateConfig:
    """How `pipe` is asked for proxies of boxes enlarged by `margin`."""
    return GenerateConfig(
        size=int(pipe.network.config.image_size),
        samples=options.samples,
        steps=None if options.generator.steps < 0 else options.generator.steps,
        hands=options.hands,
        crop_source=options.crop_source,
        refine_crops=options.refine_crops,
        tta_flip=options.tta_flip,
        tta_rotation=options.tta_rotation,
        margin=margin,
        seed=options.seed,
    )


def open_detector(device: torch.device) -> Any:
    """The packaged person detector."""
    from diffproxy.detector.person_detector import PersonDetector

    return PersonDetector.packaged().to(device)
