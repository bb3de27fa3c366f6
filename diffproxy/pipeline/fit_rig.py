"""`fit.py`: all frames of a rig, one after the other, each finished frame safe on disk."""

from __future__ import annotations

import logging
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from diffproxy.cameras import Rig
from diffproxy.pipeline import fit_sequence, inputs
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.frame_fitter import TRACK_GAP
from diffproxy.pipeline.frame_shares import frame_shares, run_processes, segments, share_of
from diffproxy.pipeline.networks import PACKAGED, Networks
from diffproxy.pipeline.outputs import write_outputs
from diffproxy.pipeline.person_source import PersonSource
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_folder import planned_files, record_digest
from diffproxy.pipeline.run_inputs import input_paths
from diffproxy.pipeline.take import Take, open_take
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FittedTake:
    """A take and the results of its frames, not written yet; `error`: why no frame could be computed."""

    take: Take
    records: list[FrameResult]
    error: InputError | None = None

    def write(self) -> None:
        """`result.npz` and what else the options ask for."""
        take = self.take
        write_outputs(
            take.run.out, self.records, take.fitter.body, take.frames, take.options, take.run.settings
        )


def run_fit(
    options: FitOptions,
    root: Path,
    networks: Networks = PACKAGED,
) -> Path:
    """Fit every chosen frame and write the results to `options.out`.

    Args:
        options: What to fit and how.
        root: Folder from which the presets' relative paths start.
        networks: Those that the caller has opened already.

    Returns:
        The folder of the results.

    Raises:
        InputError: wrong input, before anything is removed or written. What is wrong with one frame is its status, and
            an error only when no frame could be computed.
    """
    fitted = fit_take(options, root, networks)
    if not options.share:
        fitted.write()
    if fitted.error is not None:
        raise fitted.error
    return fitted.take.run.out


def fit_take(
    options: FitOptions,
    root: Path,
    networks: Networks = PACKAGED,
    person: PersonSource | None = None,
) -> FittedTake:
    """`run_fit` without its outputs: finished frames are kept in the folder of the run.

    Args:
        options: As for `run_fit`.
        root: As for `run_fit`.
        networks: As for `run_fit`.
        person: Boxes of one person of several; None: the take shows one person.
    """
    if options.people != "one":
        raise InputError(
            "people=one for results in one folder",
            f"people={options.people}",
            "use the command `diffproxy fit`, or diffproxy.pipeline.several_people.fit_people",
        )
    if options.jobs > 1 and (networks.pipe is not None or networks.detector is not None):
        raise InputError(
            "jobs=1 with a generator or detector of your own: other processes have none", f"jobs={options.jobs}",
            "leave jobs out",
        )  # fmt: skip
    if options.start == "single_view" and networks.guess is None:
        raise InputError(
            "a network for start=single_view", "none", "use the command `diffproxy fit`, or diffproxy.fit_rig"
        )
    take = open_take(options, root, networks, person)
    options, out = take.options, take.run.out
    if (
        take.frames is None and options.rig_check and not options.rig.calibration
    ):  # else checked when it was read
        _check_cameras_of(take.proxies, take.ids)
    given = input_paths(options, take.frames)
    files = planned_files(take.ids, [c.name for c in take.source.cameras], options)
    take.run.check(files, options.overwrite, given)
    finished = {} if options.overwrite else take.finished()
    mine = _share(take.ids, options)
    if not set(mine) <= set(finished):
        take.source.prepare()
    take.run.open(files, options.overwrite, given, alone=not options.share)
    if options.jobs > 1:
        shares = frame_shares(mine, options.jobs, options.segment, finished)
        done = take.store.path
        run_processes(_fit_share, shares, lambda i: done(i).exists(), options, root, networks, person)
        finished = take.finished()
    records, errors = _all_frames(take, mine, finished)
    if options.share:
        log.info("%d of %d frames are done (share=%s): %s", len(mine), len(take.ids), options.share, out)
    elif fit_sequence.wanted(options):
        records = take.together(records)
    return FittedTake(take, records, errors[0] if errors and len(errors) == len(mine) else None)


def _share(ids: list[int], options: FitOptions) -> list[int]:
    """The frames of this run among all of the take."""
    if not options.share:
        return ids
    k, n = share_of(options.share)
    whole = segments(ids, options.segment)
    return [i for part in whole[(k - 1) * len(whole) // n : k * len(whole) // n] for i in part]


def _fit_share(
    ids: list[int], options: FitOptions, root: Path, networks: Networks, person: PersonSource | None
) -> None:
    """The work of one of several processes: these frames into the folder of the run."""

    def work() -> None:
        take = open_take(options, root, networks, person)
        known = take.finished()
        _all_frames(take, ids, known, quiet=True)

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // options.jobs))
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    sys.exit(exit_status(work))


def _check_cameras_of(saved: ProxyStore, ids: list[int]) -> None:
    """The rig check for the cameras of the first saved frame; one that cannot be read is that frame's trouble."""
    try:
        maps = saved.load(ids[0]).maps
    except InputError:
        return
    cameras = {c.name: c for c, kind in zip(maps.cameras, maps.kind, strict=True) if kind == "body"}
    if len(cameras) > 1:
        inputs.check_before_fit(Rig(str(saved.folder), tuple(cameras.values())))


def _all_frames(
    take: Take, ids: list[int], finished: dict[int, FrameResult], quiet: bool = False
) -> tuple[list[FrameResult], list[InputError]]:
    """Every frame's record, and the errors of the frames that could not be computed; these are tried again next time.

    A frame starts from the one before it in `ids`, the first one from an earlier frame that is finished, none from a
    frame of another segment. A finished frame that had another start is computed again: so frames computed one by one,
    in parts or by several processes are those of one run.
    """
    options, store, source = take.options, take.store, take.source
    keeps = not options.proxies and (options.save.proxies or options.shape == "shared")
    kept = take.proxies if keeps else None
    records: list[FrameResult] = []
    errors: list[InputError] = []
    computed = 0
    with tqdm(ids, desc="frames", unit="frame", disable=quiet) as bar:
        for frame_id in bar:
            last = records[-1] if records else store.before(frame_id, TRACK_GAP)
            if not (options.track and last and last.has_body and frame_id - last.frame_id <= TRACK_GAP):
                last = None
            if last and options.segment and last.frame_id // options.segment != frame_id // options.segment:
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
