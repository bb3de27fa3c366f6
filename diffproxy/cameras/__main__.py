"""`python -m diffproxy.cameras check|convert|pose2sim`: look at a calibration, convert it, fetch the demo."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from diffproxy.cameras.check import check_rig
from diffproxy.cameras.extrinsics_conventions import with_opencv_axes, with_transposed_rotations
from diffproxy.cameras.find_sources import find_sources, unread_sources
from diffproxy.cameras.formats import all_formats, writers
from diffproxy.cameras.formats.rig_json import UNITS
from diffproxy.cameras.frames_of_folder import open_frames
from diffproxy.cameras.io import load_rig, save_rig
from diffproxy.cameras.rig import Rig
from diffproxy.cameras.up_axis import UP_AXES
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import one_of, option, within
from diffproxy.utils.shared_options import CALIBRATION, IMAGES, VIEWS
from diffproxy.utils.subcommand import Subcommand, run_subcommand

USAGE = f"""\
usage: python -m diffproxy.cameras COMMAND [name=value ...]

  check PATH      print baselines, heights, directions and likely mistakes of a calibration
  convert PATH    write any readable calibration as rig.json or for another tool, with corrections
  pose2sim        download the Pose2Sim demo rig (51 MB from PyPI, BSD-3-Clause)

Reads: {", ".join(m.NAME for m in all_formats())}.
Exit status: 0 fine, 1 the calibration has errors, 2 it cannot be read. See docs/rigs.md.
`python -m diffproxy.cameras COMMAND --help` lists the options of a command.
"""
CHECK = """\
usage: python -m diffproxy.cameras check PATH [name=value ...]

Prints baselines, heights, viewing directions and likely mistakes (inverted extrinsics, millimetres, wrong up
axis) of a calibration, and compares the image files with it. PATH is a rig folder or a calibration file.
"""
CONVERT = """\
usage: python -m diffproxy.cameras convert PATH [name=value ...]

Writes any readable calibration as rig.json, which then takes precedence in its folder, or in a format of another
tool. PATH is a rig folder or a calibration file.
"""
POSE2SIM = """\
usage: python -m diffproxy.cameras pose2sim [name=value ...]

Prepares the four-camera demo of Pose2Sim as a rig folder. Downloads 51 MB from PyPI, checked by SHA-256.
"""


AXES = ("opencv", "opengl")


@dataclass
class _Source:
    path: str = option("", "rig folder, or a calibration file", "PATH", "Input")
    calibration: str = CALIBRATION()


@dataclass
class CheckOptions(_Source):
    """Options of `check`."""

    images: str = IMAGES()
    views: str = VIEWS()
    open_images: bool = option(True, "also open the images or videos", section="Input")
    layout: str = option("", "image to write: the cameras from above and from the side", "PNG", "Output")


@dataclass
class ConvertOptions(_Source):
    """Options of `convert`."""

    units: str = option("m", "unit of the lengths in the file", "|".join(UNITS))
    scale: float = option(1.0, "factor on all lengths")
    invert: bool = option(False, "the file holds poses of the cameras (world from camera)")
    axes: str = option("opencv", "axes of the cameras in the file", "|".join(AXES))
    transpose: bool = option(False, "the file holds rotations column by column")
    up: str = option("", "up direction of the world", "|".join(UP_AXES))
    format: str = option("rig", "format to write", "|".join(writers()), "Output")
    out: str = option(
        "", "file or folder to write; default: the usual file in the rig folder", "PATH", "Output"
    )

    def __post_init__(self) -> None:
        one_of("units", self.units, tuple(UNITS))
        one_of("axes", self.axes, AXES)
        within("scale", self.scale, 1e-6, 1e6)
        one_of("format", self.format, tuple(writers()))
        if self.up:
            one_of("up", self.up, tuple(UP_AXES))


@dataclass
class Pose2SimOptions:
    """Options of `pose2sim`."""

    root: str = option("downloads", "folder for downloads", "DIR", "Output")
    name: str = option("pose2sim", "one person, or two", "pose2sim|pose2sim_two_people", "Input")


def _check(options: CheckOptions) -> int:
    rig = load_rig(options.path, options.calibration or None).chosen(options.views)
    rig, trouble = _with_frames(rig, options.images) if options.open_images else (rig, None)
    report = check_rig(rig)
    sys.stdout.write(report.text + "\n")
    if options.layout:
        sys.stdout.write(f"layout: {report.write_layout(options.layout)}\n")
    if trouble is not None:
        sys.stderr.write(f"images:\n{trouble}\n")
    return 1 if report.errors or trouble is not None else 0


def _with_frames(rig: Rig, images: str) -> tuple[Rig, InputError | None]:
    """The rig with notes on its images, and the error if they do not fit the calibration."""
    if rig.root is None:
        return rig, None
    try:
        if not find_sources(rig.root, images):
            if strays := unread_sources(rig.root):
                return rig, strays
            return replace(rig, notes=[*rig.notes, "no images/ or videos/ here: calibration only"]), None
        frames = open_frames(rig.root, rig, images=images)
    except InputError as error:
        return rig, error
    ids = frames.frame_ids
    frames.close()
    said = f"{len(ids)} frames, {ids[0]}..{ids[-1]}" if len(ids) > 1 else f"1 frame, number {ids[0]}"
    return replace(frames.rig, notes=[*frames.rig.notes, said]), None


def _convert(options: ConvertOptions) -> None:
    rig = load_rig(options.path, options.calibration or None)
    if options.transpose:
        rig = with_transposed_rotations(rig)
    if options.invert:
        rig = rig.inverted()
    if options.axes == "opengl":
        rig = with_opencv_axes(rig)
    factor = UNITS[options.units] * options.scale
    if factor != 1.0:
        rig = rig.scaled(factor)
    if options.up:
        rig = replace(rig, up_axis=options.up)
    usual = Path(rig.root or ".") / writers()[options.format].WRITES_TO
    file = save_rig(rig, Path(options.out) if options.out else usual, options.format)
    sys.stdout.write(f"{file}\n")


def _pose2sim(options: Pose2SimOptions) -> None:
    from diffproxy.cameras.pose2sim_demo import prepare_pose2sim

    sys.stdout.write(f"{prepare_pose2sim(options.root, options.name)}\n")


COMMANDS = {
    "check": Subcommand(CheckOptions, CHECK, _check, ("path",), ("path",)),
    "convert": Subcommand(ConvertOptions, CONVERT, _convert, ("path",), ("path",)),
    "pose2sim": Subcommand(Pose2SimOptions, POSE2SIM, _pose2sim),
}


def main(words: list[str] | None = None) -> int:
    """Run one command; returns the exit status (0 fine, 1 the calibration has errors, 2 it cannot be read)."""
    words = sys.argv[1:] if words is None else words
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    return exit_status(lambda: run_subcommand(USAGE, COMMANDS, words))


if __name__ == "__main__":
    sys.exit(main())
