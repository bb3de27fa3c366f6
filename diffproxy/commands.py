"""The commands `fit`, `demo` and `evaluate` (also `fit.py` and `evaluate.py`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diffproxy.cli import SHIPPED, Command
from diffproxy.utils.exit_status import leave_with_parent
from diffproxy.utils.processes import Processes
from diffproxy.utils.subcommand import HELP_WORDS

if TYPE_CHECKING:  # what a command needs is imported when it runs
    from diffproxy.pipeline.config import FitOptions
    from diffproxy.pipeline.networks import Guess, Networks
    from diffproxy.single_view.whole_picture.people_finder import PeopleFinder

MODEL_PATHS = {"body": "file.path", "generator": "weights.weights"}
FIT_INTRO = """\
Photos or videos of a calibrated rig in, SMPL-X bodies out.

  python fit.py                                   the small rendered rig that ships with the project
  python fit.py rig=pose2sim frames=40            real footage, fetched on first use
  python fit.py rig=/data/take1 frames=0:100:10   your own rig folder
  python fit.py rig=/data/take1 people=all        everybody in the images, one result for each
  python fit.py rig=/data/take1 cameras=none      without a calibration: cameras from the person in the images
  python fit.py proxies=out/fit/proxies           fit saved proxies again: no images, no generator
  python fit.py preset=paper                      inference and fitting as the paper states them

`diffproxy fit` is the same command where the package is installed.
"""
EVALUATE_INTRO = """\
Errors of the whole pipeline on subjects whose body is known.

  python evaluate.py shards=shards/test limit=100                images to bodies
  python evaluate.py shards=shards/test proxies=exact            the fitter alone
  python evaluate.py shards=shards/test images=full              whole frames: the person detector too
  python evaluate.py shards=shards/test preset=paper             as the paper states it

`diffproxy evaluate` is the same command where the package is installed.
"""


def fit_command() -> Command:
    """The command `fit`."""
    from diffproxy.pipeline.config import FitOptions

    return Command("fit", FitOptions, FIT_INTRO, {"rig": "folder.path", **MODEL_PATHS})


def evaluate_command() -> Command:
    """The command `evaluate`."""
    from diffproxy.evaluation.config import EvaluateOptions

    return Command("evaluate", EvaluateOptions, EVALUATE_INTRO, MODEL_PATHS)


def fit(words: Sequence[str] | None = None) -> int:
    """Run `fit` with these command-line words; returns the exit status."""

    def task(options) -> None:  # type: ignore[no-untyped-def]
        from diffproxy.pipeline.fit_rig import run_fit
        from diffproxy.pipeline.networks import Networks
        from diffproxy.pipeline.several_people import fit_people

        options = solved_cameras(options)
        run = run_fit if options.people == "one" else fit_people
        run(options, SHIPPED, Networks(detector=people_finder(options), guess=initial_guess(options)))

    return fit_command().run(sys.argv[1:] if words is None else words, task)


def initial_guess(options: FitOptions) -> Guess | None:
    """What `start=` names, to start fits from: the network of single view; None: the closed form alone."""
    if options.start != "single_view":
        return None
    from diffproxy.pipeline.inputs import open_body
    from diffproxy.single_view.coarse_body import CoarseBodies

    return CoarseBodies(open_body(options.body)).guesses


def people_finder(options: FitOptions) -> PeopleFinder | None:
    """What `people_detector=` names, to find everybody; None: the packaged detector, as for one person."""
    if options.people == "one" or options.people_detector != "whole_picture":
        return None
    from diffproxy.pipeline.inputs import open_body
    from diffproxy.single_view.whole_picture.people_finder import PeopleFinder

    return PeopleFinder.packaged(open_body(options.body))


def solved_cameras(options: FitOptions, networks: Networks | None = None) -> FitOptions:
    """The options with solved cameras in place of those that `cameras=` says are not given.

    Args:
        options: Options of a fit.
        networks: Those that the caller has opened already.
    """
    if options.cameras == "given":
        return options
    from diffproxy.calibration.camera_free import with_solved_cameras
    from diffproxy.pipeline.networks import PACKAGED

    return with_solved_cameras(options, SHIPPED, networks or PACKAGED)


def demo(words: Sequence[str] | None = None) -> int:
    """Run `fit` on the rig that ships with the package, and say where to look; returns the exit status."""
    words = list(sys.argv[1:] if words is None else words)
    given = {word.partition("=")[0] for word in words}
    defaults = {"rig": "synthetic", "out": "out/demo", "overwrite": "true"}
    words = [f"{name}={value}" for name, value in defaults.items() if name not in given] + words
    status = fit(words)
    if status == 0 and not HELP_WORDS & set(words):
        from diffproxy.pipeline.demo_summary import demo_summary

        out = next(word.partition("=")[2] for word in reversed(words) if word.startswith("out="))
        sys.stdout.write(demo_summary(Path(out).expanduser()))
    return status


def evaluate(words: Sequence[str] | None = None) -> int:
    """Run `evaluate` with these command-line words; returns the exit status."""

    def task(options) -> None:  # type: ignore[no-untyped-def]
        from diffproxy.evaluation.evaluate import run_evaluation

        run_evaluation(options)

    if not Processes.current().is_alone:
        leave_with_parent()
    return evaluate_command().run(sys.argv[1:] if words is None else words, task)
