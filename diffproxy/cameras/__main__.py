"""`python -m diffproxy.cameras`: check, convert, pose2sim."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

from diffproxy.cameras.check import check_rig
from diffproxy.cameras.formats import all_formats
from diffproxy.cameras.formats.rig_json import UNITS
from diffproxy.cameras.frames import open_frames
from diffproxy.cameras.image_sources import find_sources
from diffproxy.cameras.io import load_rig, save_rig
from diffproxy.cameras.rig import Rig
from diffproxy.cameras.up_axis import UP_AXES
from diffproxy.utils.errors import InputError
from diffproxy.utils.options import exit_status


def _parser() -> argparse.ArgumentParser:
    formats = ", ".join(m.NAME for m in all_formats())
    parser = argparse.ArgumentParser(
        prog="python -m diffproxy.cameras",
        description="Look at calibrated rigs before using them. Reads: " + formats,
        epilog="Exit status: 0 fine, 1 the rig has errors, 2 it cannot be read. See docs/rigs.md.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        help="print baselines, heights, directions and likely mistakes of a rig",
        description="Print baselines, heights, viewing directions, and likely mistakes (inverted extrinsics, "
        "millimetres, wrong up axis); write a picture of the layout; compare picture files with the calibration.",
    )
    convert = commands.add_parser(
        "convert",
        help="write any readable calibration as rig.json, corrected on the way",
        description="Write any readable calibration as rig.json, which then takes precedence in that folder.",
    )
    for command in (check, convert):
        command.add_argument("path", help="rig folder, or a calibration file")
        command.add_argument(
            "--calibration", metavar="FILE", help="which file of the folder, if there are several"
        )
    check.add_argument("--picture", metavar="PNG", help="where to write the layout (default: no picture)")
    check.add_argument("--no-frames", action="store_true", help="do not open images/ or videos/")
    convert.add_argument(
        "--units", choices=UNITS, default="m", help="unit of the lengths in the file (default: m)"
    )
    convert.add_argument("--scale", type=float, default=1.0, metavar="FACTOR", help="multiply all lengths")
    convert.add_argument("--invert", action="store_true", help="the file holds world-from-camera poses")
    convert.add_argument("--up", choices=UP_AXES, help="up direction of the world, e.g. --up=+Z")
    convert.add_argument("--out", metavar="JSON", help="file to write (default: rig.json in the rig folder)")
    demo = commands.add_parser(
        "pose2sim",
        help="download the Pose2Sim demo rig (51 MB from PyPI, BSD-3-Clause)",
        description="Prepare the four-camera demo of Pose2Sim as a rig folder. Downloads 51 MB from PyPI, "
        "checked by SHA-256.",
    )
    demo.add_argument("--root", default="downloads", help="folder for downloads (default: downloads)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status (0 fine, 1 the rig has errors, 2 it cannot be read)."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        run = {"check": _check, "convert": _convert, "pose2sim": _pose2sim}[args.command]
        return exit_status(lambda: run(args))
    except OSError as error:
        sys.stderr.write(f"cannot read or write {error.filename or args}: {error.strerror}\n")
        return 2


def _check(args: argparse.Namespace) -> int:
    rig = load_rig(args.path, args.calibration)
    rig, trouble = _with_frames(rig) if not args.no_frames else (rig, None)
    report = check_rig(rig)
    sys.stdout.write(report.text + "\n")
    if args.picture:
        sys.stdout.write(f"layout: {report.picture(args.picture)}\n")
    if trouble is not None:
        sys.stderr.write(f"pictures:\n{trouble}\n")
    return 1 if report.errors or trouble is not None else 0


def _with_frames(rig: Rig) -> tuple[Rig, InputError | None]:
    """The rig with notes on its pictures, or what is wrong with them."""
    if rig.root is None:
        return rig, None
    try:
        if not find_sources(rig.root):
            return replace(rig, notes=[*rig.notes, "no images/ or videos/ here: calibration only"]), None
        frames = open_frames(rig.root, rig)
    except InputError as error:
        return rig, error
    ids = frames.frame_ids
    frames.close()
    return replace(frames.rig, notes=[*frames.rig.notes, f"{len(ids)} frames, {ids[0]}..{ids[-1]}"]), None


def _convert(args: argparse.Namespace) -> int:
    rig = load_rig(args.path, args.calibration)
    if args.invert:
        rig = rig.inverted()
    factor = UNITS[args.units] * args.scale
    if factor != 1.0:
        rig = rig.scaled(factor)
    if args.up:
        rig = replace(rig, up_axis=args.up)
    file = save_rig(rig, Path(args.out) if args.out else Path(rig.root or ".") / "rig.json")
    sys.stdout.write(f"{file}\n")
    return 0


def _pose2sim(args: argparse.Namespace) -> int:
    from diffproxy.cameras.pose2sim_demo import prepare_pose2sim

    sys.stdout.write(f"{prepare_pose2sim(args.root)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
