"""`diffproxy export RUN format=glb,trc`: the bodies of a finished run as files for other programs."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from diffproxy.export.formats import FORMATS
from diffproxy.export.motion import BodyMotion
from diffproxy.export.open_runs import open_runs
from diffproxy.export.run import Run
from diffproxy.export.run_images import images_or_none
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import option, within
from diffproxy.utils.people_file import id_of_folder
from diffproxy.utils.shared_options import MOVED_BODY, RUN
from diffproxy.utils.subcommand import Subcommand

log = logging.getLogger(__name__)
VISIBLE_CHANGE = 0.001  # metres by which bones may change before it is said

USAGE = """\
usage: diffproxy export RUN format=NAME[,NAME ...] [name=value ...]

Writes the bodies of a finished run for other programs. RUN is the folder that `diffproxy fit` was given as out.
Of a take with several people, each person is a run. Up axes, units, hands and what each format can hold:
docs/exports.md. Formats:

""" + "".join(f"  {name:<10}{f.summary}\n" for name, f in FORMATS.items())  # fmt: skip

MEANT = {
    "gltf": "write format=glb, glTF in one file",
    "fbx": "write format=blender: Blender exports FBX from that scene",
    "csv": "write format=joints for joint centres, angles for joint angles",
    "mot": "write format=angles for joint angles, trc for OpenSim's inverse kinematics",
    "npz": "write format=amass; result.npz opens with numpy as it is",
}  # what people ask for, and what they get it by


@dataclass
class ExportOptions:
    """Options of `export`."""

    run: str = RUN()
    body: str = MOVED_BODY()
    frame_rate: float = option(
        0.0, "frames per second of the run's frame numbers; 0: the option fps of the run", section="Input"
    )
    format: str = option("glb", "formats to write, with commas", ",".join(FORMATS), "Output")
    fps: float = option(
        0.0, "frames per second of the files, by interpolation; 0: as the run's frames are spaced", section="Output"
    )  # fmt: skip
    min_observed: float = option(
        0.0, "trc, c3d, joints: gaps where the joint_observed of a joint is less, such as 0.1", section="Output"
    )  # fmt: skip
    out: str = option("", "folder of the files; default: export/ in the run", "DIR", "Output")

    def __post_init__(self) -> None:
        within("fps", self.fps, 0.0, 1e5)
        within("frame_rate", self.frame_rate, 0.0, 1e5)
        within("min_observed", self.min_observed, 0.0, 1.0)
        unknown = [name for name in self.formats if name not in FORMATS]
        if unknown or not self.formats:
            hints = {meant for name in unknown if (meant := MEANT.get(name.lower()))}
            fix = "; ".join(sorted(hints)) or "write format=glb,amass"
            found = ", ".join(unknown) or f"format={self.format}"
            raise InputError(f"format among {', '.join(FORMATS)}", found, fix)

    @property
    def formats(self) -> list[str]:
        return list(dict.fromkeys(name.strip() for name in self.format.split(",") if name.strip()))


def export(options: ExportOptions) -> list[Path]:
    """Write the files of every run in the folder; returns their paths."""
    runs = open_runs(options.run, options.body)
    # What is wrong with anybody is told before the first file.
    motions = [
        replace(run.motion(options.frame_rate, options.fps), min_observed=options.min_observed)
        for run in runs
    ]
    return [p for run, motion in zip(runs, motions, strict=True) for p in _export_run(run, motion, options)]


def _export_run(run: Run, motion: BodyMotion, options: ExportOptions) -> list[Path]:
    from diffproxy.cli import SHIPPED

    target = Path(options.out).expanduser() if options.out else run.folder / "export"
    stem = run.name
    if options.out and id_of_folder(stem) is not None:  # there may be files of other takes, with the same ids
        stem = f"{run.folder.resolve().parent.name}_{stem}"
    _say_what_is_lost(motion, options.formats)
    kinds = [FORMATS[name] for name in options.formats]
    pictures = images_or_none(run, SHIPPED) if any(kind.cameras for kind in kinds) else None
    written = []
    for kind in kinds:
        path = target / f"{stem}{kind.file}"
        given = run if kind.of_run else motion
        if kind.cameras:
            kind.write(path, given, pictures)
        else:
            kind.write(path, given)
        written.append(path)
    return written


def _say_what_is_lost(motion: BodyMotion, formats: list[str]) -> None:
    gaps = int((~motion.known).sum())
    if gaps:
        log.warning(
            "%d of %d frames have no body: interpolated, or left empty (trc, c3d, angles, joints)",
            gaps,
            len(motion),
        )
    change = motion.bone_change
    single = [name for name in formats if FORMATS[name].one_shape]
    if single and change > VISIBLE_CHANGE:
        log.warning(
            "%s hold one body shape, and bone lengths of this run change by up to %.0f mm: "
            "fit it with shape=shared for joints that agree exactly",
            ", ".join(single), 1000 * change,
        )  # fmt: skip


def _export(options: ExportOptions) -> None:
    for path in export(options):
        sys.stdout.write(f"{path}\n")


COMMAND = Subcommand(ExportOptions, USAGE, _export, ("run",), ("run",))


def main(words: list[str] | None = None) -> int:
    """Returns the exit status: 0 fine, 2 wrong input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_status(lambda: COMMAND.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
