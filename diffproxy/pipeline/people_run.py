"""A run for several people: its inputs, opened and checked before anything is written or removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diffproxy import __version__
from diffproxy.association import AssociationConfig
from diffproxy.body import BodyModel
from diffproxy.cameras import RigFrames
from diffproxy.pipeline import inputs
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.detections_file import DETECTIONS
from diffproxy.pipeline.networks import Networks
from diffproxy.pipeline.people_overlay import overlay_files
from diffproxy.pipeline.people_selection import check_choice
from diffproxy.pipeline.run_folder import RunFolder
from diffproxy.pipeline.run_inputs import input_paths
from diffproxy.pipeline.take import fit_config
from diffproxy.utils.digests import fingerprint, path_digest
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.people_file import PEOPLE, id_of_folder


@dataclass(frozen=True)
class PeopleRun:
    """What a run for several people works with.

    `chosen`: numbers of the frames to fit; `files`: names of what is written beside the people's folders; `given`: the
    inputs, which are never removed; `pipe`: the generator, that of the caller's `networks` if there is one.
    """

    options: FitOptions
    root: Path
    folder: RunFolder
    frames: RigFrames
    chosen: list[int]
    files: list[str]
    given: Sequence[Path]
    body: BodyModel
    networks: Networks
    pipe: Any

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.frames.cameras]


def open_people_run(options: FitOptions, root: Path, networks: Networks) -> PeopleRun:
    """Open and check all inputs; nothing is written or removed. Arguments and errors as for `fit_people`."""
    _check(options)
    options = inputs.with_stated_offsets(options)
    frames = inputs.open_rig(options, root)
    options = inputs.with_frame_rate(options, frames)
    chosen = select_frames(options.frames, frames.frame_ids)
    check_choice(options, frames.frame_ids, [c.name for c in frames.cameras])
    folder = RunFolder(Path(options.out).expanduser(), _settings(options, frames))
    files = ["config.yaml", PEOPLE, DETECTIONS]
    files += overlay_files(chosen, [c.name for c in frames.cameras]) if options.save.overlay else []
    files += ["viewer.html"] if options.save.viewer else []
    given = input_paths(options, frames)
    folder.check(files, options.overwrite, given)
    device = inputs.pick_device(options.device)
    body = inputs.open_body(options.body)
    fit_config(options.solver, options.hands, options.prior)
    pipe = networks.pipe or inputs.open_generator(options.generator, device)
    return PeopleRun(options, root, folder, frames, chosen, files, given, body, networks, pipe)


def remove_earlier_people(out: Path, ids: Sequence[int], given: Sequence[Path]) -> None:
    """Remove the runs in `out` of people not among `ids`; InputError where one of the inputs `given` lies there."""
    for folder in sorted(out.glob("person_*")):
        known = id_of_folder(folder.name)
        if known is not None and known not in ids:
            RunFolder(folder, {}).clear(given)


def _check(options: FitOptions) -> None:
    """InputError for options that make no sense for several people."""
    for name, given in (
        ("proxies", options.proxies),
        ("masks", options.masks),
        ("keypoints", options.keypoints),
    ):
        if given:
            raise InputError(
                f"no {name} beside people={options.people}: these are of one person",
                f"{name}={given}",
                f"leave {name} out, or write people=one",
            )
    if options.boxes != "auto":
        raise InputError(
            f"boxes=auto beside people={options.people}", f"boxes={options.boxes}", "write boxes=auto"
        )


def _settings(options: FitOptions, frames: RigFrames) -> dict[str, Any]:
    """What the detections and the association depend on."""
    cameras = [[c.name, c.width, c.height, c.K.tolist(), c.R_cam_world.tolist(), c.t_cam_world.tolist()]
               for c in frames.cameras]  # fmt: skip
    files = {
        f"{i} {name}": path_digest(path) for i in frames.frame_ids for name, path in frames.files(i).items()
    }
    return {
        "people": True,
        "people_detector": options.people_detector,
        "rig": frames.rig.name,
        **inputs.matching_settings(options),
        "cameras": fingerprint({"cameras": cameras}),
        "images": fingerprint(files),
        "frames": len(frames.frame_ids),
        "association": asdict(AssociationConfig()),
        "version": __version__,
    }
