"""`diffproxy COMMAND [name=value ...]`, also as `python -m diffproxy`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from diffproxy.utils.exit_status import exit_status


class Entry(NamedTuple):
    """Where a command lives: `module.function`, called with `before` and the words that follow the command."""

    module: str
    function: str
    before: tuple[str, ...]
    summary: str


COMMANDS = {
    "demo": Entry("diffproxy.commands", "demo", (), "fit the rig that ships with the package; start here"),
    "fit": Entry("diffproxy.commands", "fit", (), "images of a calibrated rig to SMPL-X bodies"),
    "export": Entry("diffproxy.export.__main__", "main", (), "a run as glTF, AMASS, BVH, TRC, C3D, ..."),
    "view": Entry("diffproxy.viewer.__main__", "main", (), "a run in the browser: one offline HTML file"),
    "single-view": Entry(
        "diffproxy.single_view.__main__", "main", (), "everybody in a picture or video of one camera"
    ),
    "evaluate": Entry("diffproxy.commands", "evaluate", (), "errors on subjects whose body is known"),
    "train": Entry("diffproxy.training.cli", "main", (), "train the proxy generator"),
    "render": Entry("render_synth.cli", "main", (), "render training data; inspect, validate, relabel"),
    "calibrate": Entry("diffproxy.calibration.__main__", "main", (), "cameras from the person in the images"),
    "check-rig": Entry("diffproxy.cameras.__main__", "main", ("check",), "check a calibration"),
    "convert-rig": Entry(
        "diffproxy.cameras.__main__", "main", ("convert",), "write a calibration as rig.json"
    ),
    "fetch-pose2sim": Entry(
        "diffproxy.cameras.__main__", "main", ("pose2sim",), "download the Pose2Sim demo"
    ),
    "sync": Entry(
        "diffproxy.synchronization.__main__", "main", (), "frames by which cameras are out of step"
    ),
    "keypoints": Entry("diffproxy.keypoints.__main__", "main", ("detect",), "2D keypoints by MediaPipe"),
    "pose-bank": Entry(
        "diffproxy.motion.__main__", "main", ("build_bank",), "collect poses from motion files"
    ),
    "pose-prior": Entry(
        "diffproxy.pose_prior.__main__", "main", (), "train, convert or sample the pose prior"
    ),
}
USAGE = (
    "usage: diffproxy COMMAND [name=value ...]\n\n"
    + "".join(f"  {name:<16}{entry.summary}\n" for name, entry in COMMANDS.items())
    + "\n`diffproxy COMMAND --help` lists the options of a command.\n"
)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0 fine, 2 wrong input."""
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(USAGE)
        return 0
    if words[0] == "--version":
        from diffproxy import __version__

        sys.stdout.write(f"diffproxy {__version__}\n")
        return 0
    if words[0] not in COMMANDS:
        sys.stderr.write(
            f"error: expected one of {', '.join(COMMANDS)}\n  found {words[0]}\n  fix: diffproxy --help\n"
        )
        return 2
    return exit_status(lambda: _run(COMMANDS[words[0]], words[1:]))


def _run(entry: Entry, words: list[str]) -> int | None:
    """Import the command's module, which may take seconds, and run it."""
    function: Callable[[list[str]], int | None] = getattr(import_module(entry.module), entry.function)
    return function([*entry.before, *words])


if __name__ == "__main__":
    sys.exit(main())
