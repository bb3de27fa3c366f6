"""A take and all that its frames are fitted with, opened before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_type_hints

import torch

from diffproxy import __version__
from diffproxy.body import BodyModel
from diffproxy.cameras import Camera, RigFrames
from diffproxy.cameras.rig import cameras_digest
from diffproxy.fitting import FitConfig
from diffproxy.fitting.config import NETWORK_STD
from diffproxy.fitting.encoder_keypoints import EncoderKeypointFitter
from diffproxy.fitting.keypoint_fit import open_sparse
from diffproxy.fitting.terms.priors import pose_priors
from diffproxy.pipeline import fit_sequence, inputs
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.fit_frame import BodyFitter
from diffproxy.pipeline.frame_source import (
    FrameSource,
    calibrated_images,
    source_of_images,
    source_of_proxies,
)
from diffproxy.pipeline.frame_store import FrameStore
from diffproxy.pipeline.ground_truth_errors import check_ground_truth
from diffproxy.pipeline.model_options import SolverOption
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.person_source import PersonSource
from diffproxy.pipeline.planned_files import keeps_proxies
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_folder import RunFolder
from diffproxy.pipeline.run_inputs import check_unchanged, shared_inputs
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.options import require_finite
from diffproxy.utils.validation import validated

IRRELEVANT = (
    "out", "overwrite", "save", "frames", "device", "jobs", "share", "rig", "rig_check", "common_frames",
    "smooth", "ground", "fps", "people_contact",
)  # fmt: skip


@dataclass(frozen=True)
class Take:
    """What a run works with.

    Args:
        options: The options, with stated offsets and a frame rate.
        fitter: What the proxies are fitted with.
        frames: Images of the rig; None for saved proxies.
        source: Where the frames' results come from.
        proxies: The saved proxies, or where those of this run go.
        ids: Frames of the run.
        run: Its folder.
        store: Its finished frames.
        person: Boxes of one person of several; None: the take shows one person.
    """

    options: FitOptions
    fitter: BodyFitter
    frames: RigFrames | None
    source: FrameSource
    proxies: ProxyStore
    ids: list[int]
    run: RunFolder
    store: FrameStore
    person: PersonSource | None = None

    def finished(self) -> dict[int, FrameResult]:
        """The frames that an earlier run finished, with their proxies. InputError if an input has changed since."""
        found = {i: record for i in self.ids if (record := self.store.load(i)) is not None}
        if self.frames is not None and keeps_proxies(self.options):
            there = set(self.proxies.frame_ids)
            found = {i: r for i, r in found.items() if i in there or not r.has_body}
        out = self.run.out
        return {i: r for i, r in found.items() if check_unchanged(r, self.source.inputs(i), out)}

    def fit_as_sequence(self, records: list[FrameResult]) -> list[FrameResult]:
        """The second pass over all frames."""
        up = {"up": self.frames.rig.up.tolist()} if self.frames is not None else {}
        config = fit_sequence.sequence_config(self.options, **up)
        return fit_sequence.fit_as_sequence(
            self.run, records, self.proxies, self.fitter, config, self.options.fps
        )


def open_take(options: FitOptions, root: Path, networks: Networks, person: PersonSource | None) -> Take:
    """Open everything that a run reads; the arguments are those of `fit_take`. InputError for wrong input."""
    options = inputs.with_stated_offsets(options)
    out = Path(options.out).expanduser()
    body = inputs.open_body(options.body)
    config = fit_config(options.solver, options.hands, options.prior)
    encoder = EncoderKeypointFitter(body, config) if options.encoder_keypoints else None
    fitter = BodyFitter(body, config, encoder, guess=networks.guess)
    fit_sequence.sequence_config(options)
    frames = None if options.proxies else inputs.open_rig(options, root, say=person is None)
    options = inputs.with_frame_rate(options, frames)
    if frames is None:
        proxies = ProxyStore(inputs.find_folder(options.proxies, root), body)
        open_sparse(options.keypoints, None, body, config)
        source = source_of_proxies(calibrated_images(options, root), proxies, fitter, options.views)
    else:
        proxies = ProxyStore(out / "proxies", body, must_exist=False)
        source = source_of_images(options, frames, fitter, networks, person)
        check_ground_truth(frames.rig.root)
    ids = select_frames(options.frames, source.frame_ids)
    run = RunFolder(out, run_settings(options, body, source.cameras, source.settings))
    store = FrameStore(out / "frames", run.stamp)
    return Take(options, fitter, frames, source, proxies, ids, run, store, person)


def fit_config(solver: SolverOption, hands: bool, prior: str = "gaussian") -> FitConfig:
    """The solver's settings for proxies of a network.

    Raises:
        InputError: a setting that `FitConfig` does not have, a value of another type, a pose prior that cannot be read.
    """
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
        config = FitConfig(**settings)
    except TypeError as error:
        known = ", ".join(FitConfig.__dataclass_fields__)
        raise InputError(
            f"solver.settings among {known}", str(error), "drop or rename that setting"
        ) from error
    # a file that is none is told before any work
    pose_priors(torch.zeros(1), config.prior, config.pose_weight)
    return config


def run_settings(
    options: FitOptions, body: BodyModel, cameras: Sequence[Camera], more: dict
) -> dict[str, Any]:
    """Everything that changes a frame's result, as plain JSON; what does not is left out."""
    kept = {k: v for k, v in asdict(options).items() if k not in IRRELEVANT}
    kept["body"] = {"name": body.name, "topology": body.topology_id}
    kept |= {"cameras": cameras_digest(cameras), "content": shared_inputs(options)}
    return {**kept, **more, "version": __version__}
