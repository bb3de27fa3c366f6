"""`people=all`: everybody in the take is associated over views and time, then each is fitted as in `fit_rig`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from diffproxy import __version__
from diffproxy.association import AssociationConfig, Person, associate
from diffproxy.cameras import RigFrames
from diffproxy.export import open_run
from diffproxy.pipeline import inputs
from diffproxy.pipeline.associated_people import listed_one_view, listed_person
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.detections_file import DETECTIONS, detect_take, save_detections
from diffproxy.pipeline.fit_rig import FittedTake, fit_take
from diffproxy.pipeline.networks import PACKAGED, Networks
from diffproxy.pipeline.people_contact import separated
from diffproxy.pipeline.people_overlay import overlay_files, write_people_overlays
from diffproxy.pipeline.people_selection import chosen_people
from diffproxy.pipeline.person_source import person_source
from diffproxy.pipeline.run_folder import RunFolder
from diffproxy.pipeline.run_inputs import input_paths
from diffproxy.pipeline.take import fit_config
from diffproxy.utils.digests import fingerprint, path_digest
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.io import write_atomic
from diffproxy.utils.people_file import PEOPLE, folder_name, id_of_folder, write_people
from diffproxy.viewer import write_run_viewer

log = logging.getLogger(__name__)


def fit_people(
    options: FitOptions,
    root: Path,
    networks: Networks = PACKAGED,
) -> Path:
    """Fit everybody, or the people that `options` choose; returns `options.out`.

    The folder gets `people.json` and a run folder for each person (`person_00`, ...), each as `run_fit` writes it. All
    frames of the take are searched for people, whatever `options.frames` says, so that an id means the same person in
    every run. Arguments and errors as for `run_fit`.
    """
    from omegaconf import OmegaConf

    _check(options)
    options = inputs.with_stated_offsets(options)
    out = Path(options.out).expanduser()
    frames = inputs.open_rig(options, root)
    chosen = select_frames(options.frames, frames.frame_ids)
    settings = _settings(options, frames)
    run = RunFolder(out, settings)
    files = ["config.yaml", PEOPLE, DETECTIONS]
    files += overlay_files(chosen, [c.name for c in frames.cameras]) if options.save.overlay else []
    files += ["viewer.html"] if options.save.viewer else []
    given = input_paths(options, frames)
    run.check(files, options.overwrite, given)
    device = inputs.pick_device(options.device)
    body = inputs.open_body(options.body)
    fit_config(options.solver, options.hands, options.prior)
    pipe = networks.pipe or inputs.open_generator(options.generator, device)
    if not options.overwrite:  # or nothing is removed before the options are known to mean somebody
        run.open(files, False, given)
    cache = None if options.overwrite else out / DETECTIONS
    detections = detect_take(
        frames, lambda: networks.detector or inputs.open_detector(device), cache, run.stamp
    )
    association = associate(detections, frames.cameras, AssociationConfig())
    names = [c.name for c in frames.cameras]
    people = chosen_people(association, options, detections, names)
    if options.overwrite:
        run.open(files, True, given)
        remove_earlier_people(out, [p.id for p in association.people], given)
        save_detections(out / DETECTIONS, run.stamp, detections)
    write_atomic(out / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(asdict(options))).encode())
    write_people(
        out,
        frames.rig.name,
        names,
        [listed_person(p, names, p in people) for p in association.people],
        one_view=[listed_one_view(p, names) for p in association.one_view],
        notes=association.notes,
    )
    for note in association.notes:
        log.warning("%s", note)
    log.info("%d people, %d to fit", len(association.people), len(people))
    # The boxes are known, and other processes open their own generator.
    of_one = replace(networks, detector=None, pipe=pipe if options.jobs == 1 else networks.pipe)
    fitted: dict[int, FittedTake] = {}
    errors: list[InputError] = []
    unwritten: dict[str, InputError] = {}
    for person in people:
        name = folder_name(person.id)
        own = _of_one(options, person, chosen)
        if not own.frames:
            log.info("%s: not in the chosen frames", name)
            continue
        source = person_source(person, association.people, detections, frames.cameras, name)
        log.info("%s: frames %d to %d are fitted", name, person.first_frame, person.last_frame)
        try:
            one = fit_take(own, root, of_one, source)
            if not options.share and (one.error is not None or not options.people_contact):
                one.write()
            if one.error is not None:  # result.npz says so
                errors.append(one.error)
                continue
            fitted[person.id] = one
        except InputError as error:
            errors.append(error)
            unwritten[name] = error
            log.warning("%s: %s", name, error)
    if errors and not fitted:
        raise errors[0]
    if options.share:
        return out
    if options.people_contact:
        fitted = separated(fitted)
        for one in fitted.values():
            one.write()
    folders = {k: one.take.run.out for k, one in fitted.items()}
    if options.save.overlay and folders:
        write_people_overlays(out, folders, body, frames, chosen)
    runs = [open_run(folder) for folder in folders.values()] if options.save.viewer else []
    if shown := [run for run in runs if run.result.has_body.any()]:
        write_run_viewer(out / "viewer.html", shown, frames)
    log.info("people: %s", out / PEOPLE)
    if unwritten:
        first = next(iter(unwritten.values()))
        found = f"{first.found} (no new results of {', '.join(unwritten)})"
        raise InputError(first.expected, found, first.fix)
    return out


def _of_one(options: FitOptions, person: Person, chosen: Sequence[int]) -> FitOptions:
    """The options of the run of one person, in the chosen frames between first and last sight."""
    ids = [i for i in chosen if person.first_frame <= i <= person.last_frame]
    return replace(
        options,
        people="one",
        people_keep="all",
        people_during="",
        people_box="",
        people_contact=False,
        out=str(Path(options.out).expanduser() / folder_name(person.id)),
        frames=",".join(map(str, ids)),
        # One page shows all; moving people apart needs their proxies.
        save=replace(options.save, viewer=False, proxies=options.save.proxies or options.people_contact),
    )


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
        "rig": frames.rig.name,
        **inputs.matching_settings(options),
        "cameras": fingerprint({"cameras": cameras}),
        "images": fingerprint(files),
        "frames": len(frames.frame_ids),
        "association": asdict(AssociationConfig()),
        "version": __version__,
    }
