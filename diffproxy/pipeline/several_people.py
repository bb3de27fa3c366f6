"""`people=all`: everybody in the take is associated over views and time, then each is fitted as in `fit_rig`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffproxy.association import Association, AssociationConfig, Person, associate
from diffproxy.export import open_run
from diffproxy.pipeline import fit_sequence, inputs
from diffproxy.pipeline.associated_people import listed_one_view, listed_person
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.detections_file import DETECTIONS, Frame, detect_take, save_detections
from diffproxy.pipeline.fit_rig import FittedTake, fit_take
from diffproxy.pipeline.networks import PACKAGED, Networks
from diffproxy.pipeline.outputs import write_config
from diffproxy.pipeline.people_claims import contested
from diffproxy.pipeline.people_contact import separated
from diffproxy.pipeline.people_doubts import why_left_out, with_people_doubts
from diffproxy.pipeline.people_overlay import write_people_overlays
from diffproxy.pipeline.people_run import PeopleRun, open_people_run, remove_earlier_people
from diffproxy.pipeline.people_selection import chosen_people
from diffproxy.pipeline.person_source import person_source
from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import PEOPLE, folder_name, write_people
from diffproxy.viewer import write_run_viewer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Everybody:
    """The detections of a take, the people in it, and those of them who are fitted."""

    detections: dict[int, Frame]
    association: Association
    people: Sequence[Person]


@dataclass
class _Fitted:
    """Fits by id; `errors`: of the people without a body; `unwritten`: of those without results, by folder.

    `left_out`: ids of people who turned out to be somebody else or nobody, and notes about them.
    """

    left_out: dict[int, str] = field(default_factory=dict)
    takes: dict[int, FittedTake] = field(default_factory=dict)
    errors: list[InputError] = field(default_factory=list)
    unwritten: dict[str, InputError] = field(default_factory=dict)


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
    run, fitted = open_people_run(options, root, networks), _Fitted()
    try:
        return _fit_people(run, fitted)
    finally:  # also where a notebook keeps the traceback
        for one in fitted.takes.values():
            one.take.run.release()
        run.folder.release()


def _fit_people(run: PeopleRun, fitted: _Fitted) -> Path:
    everybody = _found(run)
    _fit_each(run, everybody, fitted)
    if fitted.errors and not fitted.takes:
        raise fitted.errors[0]
    if run.options.share:
        return run.folder.out
    if fitted.left_out:
        _write_list(run, everybody, fitted.left_out)
    _write_together(run, fitted.takes)
    log.info("people: %s", run.folder.out / PEOPLE)
    if fitted.unwritten:
        first = next(iter(fitted.unwritten.values()))
        found = f"{first.found} (no new results of {', '.join(fitted.unwritten)})"
        raise InputError(first.expected, found, first.fix)
    return run.folder.out


def _found(run: PeopleRun) -> _Everybody:
    """Detect and associate everybody, and write who they are."""
    options, out = run.options, run.folder.out
    if not options.overwrite:  # or nothing is removed before the options are known to mean somebody
        run.folder.open(run.files, False, run.given)
    detections = detect_take(
        run.frames,
        lambda: run.networks.detector or inputs.open_detector(inputs.pick_device(options.device)),
        None if options.overwrite else out / DETECTIONS,
        run.folder.stamp,
    )
    association = associate(detections, run.frames.cameras, AssociationConfig())
    people = chosen_people(association, options, detections, run.names)
    if options.overwrite:
        run.folder.open(run.files, True, run.given)
        remove_earlier_people(out, [p.id for p in association.people], run.given)
        save_detections(out / DETECTIONS, run.folder.stamp, detections)
    write_config(out, options)
    everybody = _Everybody(detections, association, people)
    _write_list(run, everybody, {})
    for note in association.notes:
        log.warning("%s", note)
    log.info("%d people, %d to fit", len(association.people), len(people))
    return everybody


def _write_list(run: PeopleRun, everybody: _Everybody, left_out: Mapping[int, str]) -> None:
    """Write `people.json`; who is `left_out`, or in none of the chosen frames, has no result."""
    fitted = [p.id for p in everybody.people if p.id not in left_out and _frames_of(p, run.chosen)]
    association = everybody.association
    write_people(
        run.folder.out,
        run.frames.rig.name,
        run.names,
        [listed_person(p, run.names, p.id in fitted) for p in association.people],
        one_view=[listed_one_view(p, run.names) for p in association.one_view],
        notes=[*association.notes, *left_out.values()],
        take=run.folder.stamp,
    )


def _fit_each(run: PeopleRun, everybody: _Everybody, out: _Fitted) -> None:
    """Fit one person after the other. Results without a body are written here, the others once all are compared."""
    options = run.options
    # The boxes are known, and other processes open their own generator.
    networks = replace(run.networks, detector=None)
    if options.jobs == 1:
        networks = replace(networks, pipe=run.pipe)
    for person in everybody.people:
        name = folder_name(person.id)
        own = _of_one(options, person, run.chosen, len(everybody.people) > 1)
        if not own.frames:
            log.info("%s: not in the chosen frames", name)
            continue
        people, detections = everybody.association.people, everybody.detections
        source = person_source(person, people, detections, run.frames.cameras, name)
        source = replace(source, listed={"id": person.id, "take": run.folder.stamp})
        first, last = person.first_frame, person.last_frame
        log.info("%s: in sight from frame %d to %d, fitted in the chosen ones", name, first, last)
        try:
            one = fit_take(own, run.root, networks, source)
            one = replace(one, records=[with_people_doubts(r) for r in one.records])
            earlier = {k: take.records for k, take in out.takes.items()}
            if not options.share and (note := why_left_out(name, one.records, earlier)):
                out.left_out[person.id] = note
                log.warning("%s", note)
                continue
            if one.error is not None:
                if not options.share:  # result.npz says so
                    one.write()
                out.errors.append(one.error)
                continue
            out.takes[person.id] = one
        except InputError as error:
            out.errors.append(error)
            out.unwritten[name] = error
            log.warning("%s: %s", name, error)


def _write_together(run: PeopleRun, takes: dict[int, FittedTake]) -> None:
    """Compare the bodies of everybody, and write the results of each and what shows all of them."""
    options, out = run.options, run.folder.out
    if not fit_sequence.wanted(options):  # whose frames are not fitted one by one
        takes = contested(takes)
    if options.people_contact:
        takes = separated(takes)
    for one in takes.values():
        one.write()
    folders = {k: one.take.run.out for k, one in takes.items()}
    if options.save.overlay and folders:
        write_people_overlays(out, folders, run.body, run.frames, run.chosen)
    runs = [open_run(folder) for folder in folders.values()] if options.save.viewer else []
    if shown := [one for one in runs if one.result.has_body.any()]:
        write_run_viewer(out / "viewer.html", shown, run.frames)


def _frames_of(person: Person, chosen: Sequence[int]) -> list[int]:
    """The chosen frames between first and last sight."""
    return [i for i in chosen if person.first_frame <= i <= person.last_frame]


def _of_one(options: FitOptions, person: Person, chosen: Sequence[int], among_others: bool) -> FitOptions:
    """The options of the run of one person."""
    return replace(
        options,
        people="one",
        people_keep="all",
        people_during="",
        people_box="",
        people_contact=False,
        out=str(Path(options.out).expanduser() / folder_name(person.id)),
        frames=",".join(map(str, _frames_of(person, chosen))),
        # One page shows all; people are compared by their proxies.
        save=replace(options.save, viewer=False, proxies=options.save.proxies or among_others),
    )
