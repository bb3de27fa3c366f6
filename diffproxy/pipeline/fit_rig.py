"""`fit.py`: a rig from images to the files of its results, in one process or several."""

from __future__ import annotations

import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from diffproxy.cameras import Rig
from diffproxy.pipeline import fit_sequence, inputs
from diffproxy.pipeline.config import FitOptions
from diffproxy.pipeline.frame_shares import frame_shares, run_processes, segments, share_of
from diffproxy.pipeline.networks import PACKAGED, Networks
from diffproxy.pipeline.outputs import write_outputs
from diffproxy.pipeline.person_source import PersonSource
from diffproxy.pipeline.planned_files import planned_files
from diffproxy.pipeline.proxy_cache import ProxyStore
from diffproxy.pipeline.results import FrameResult
from diffproxy.pipeline.run_frames import run_frames
from diffproxy.pipeline.run_inputs import input_paths
from diffproxy.pipeline.take import Take, open_take
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status, leave_with_parent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FittedTake:
    """A take and the results of its frames, not written yet; `error`: why no frame could be computed."""

    take: Take
    records: list[FrameResult]
    error: InputError | None = None

    def write(self) -> None:
        """`result.npz` and what else the options ask for; then others may write to the folder."""
        take = self.take
        listed = take.person.listed if take.person else {}
        write_outputs(
            take.run.out, self.records, take.fitter.body, take.frames, take.options, take.run.settings, listed
        )
        take.run.release()


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
    try:
        if not options.share:
            fitted.write()
    finally:
        fitted.take.run.release()
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
    options = take.options
    if (
        take.frames is None and options.rig_check and not options.rig.calibration
    ):  # else checked when it was read
        _check_cameras_of(take.proxies, take.ids)
    given = input_paths(options, take.frames)
    files = planned_files(take.ids, [c.name for c in take.source.cameras], options)
    take.run.check(files, options.overwrite, given)
    finished = {} if options.overwrite else take.finished()
    if not set(_share(take.ids, options)) <= set(finished):
        take.source.prepare()
    take.run.open(files, options.overwrite, given, alone=not options.share)
    try:
        return _fitted(take, root, networks, person, finished)
    except (
        BaseException
    ):  # a notebook keeps the traceback, and with it the folder that nobody else may write to
        take.run.release()
        raise


def _fitted(
    take: Take,
    root: Path,
    networks: Networks,
    person: PersonSource | None,
    finished: dict[int, FrameResult],
) -> FittedTake:
    """The rest of `fit_take`, with the folder open; `finished` are frames of earlier runs."""
    options, out = take.options, take.run.out
    mine = _share(take.ids, options)
    if options.jobs > 1:
        shares = frame_shares(mine, options.jobs, options.segment, finished)
        done = take.store.path
        run_processes(_fit_share, shares, lambda i: done(i).exists(), options, root, networks, person)
        finished = take.finished()
    records, errors = run_frames(take, mine, finished)
    if options.share:
        log.info("%d of %d frames are done (share=%s): %s", len(mine), len(take.ids), options.share, out)
    elif fit_sequence.wanted(options):
        records = take.fit_as_sequence(records)
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

    leave_with_parent()  # else it would work on beside the processes of the next start

    def work() -> None:
        # It began with signals blocked. Ctrl-C, which goes to all processes, stays so: the parent ends this one.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        take = open_take(options, root, networks, person)
        known = take.finished()
        run_frames(take, ids, known, quiet=True)

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // options.jobs))
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    sys.exit(exit_status(work, interrupted=""))  # the parent says it


def _check_cameras_of(saved: ProxyStore, ids: list[int]) -> None:
    """The rig check for the cameras of the first saved frame; one that cannot be read is that frame's trouble."""
    try:
        maps = saved.load(ids[0]).maps
    except InputError:
        return
    cameras = {c.name: c for c, kind in zip(maps.cameras, maps.kind, strict=True) if kind == "body"}
    if len(cameras) > 1:
        inputs.check_before_fit(Rig(str(saved.folder), tuple(cameras.values())))
