"""`python -m diffproxy.calibration`: cameras of a rig folder from the person in its images."""

from __future__ import annotations

import logging
import sys

from diffproxy.calibration.options import CalibrationOptions, CompareOptions
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.subcommand import Subcommand

INTRO = """\
usage: python -m diffproxy.calibration rig=DIR [name=value ...]

Cameras of a rig from the person in its images, without board or markers. One person; five to twenty frames in
different places of the volume are best.

  python -m diffproxy.calibration compare RIG REFERENCE  differences between two calibrations after alignment

Writes rig.json and, beside it, <name>.report.json: reprojection error, inliers and standard deviations of every camera.
Exit status: 0 fine, 1 calibrated but unreliable (the report says why), 2 wrong input.
"""


def main(words: list[str]) -> int:
    """Returns the exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    command = COMPARE if words[:1] == ["compare"] else CALIBRATE
    rest = words[1:] if command is COMPARE else words
    return exit_status(lambda: command.run(rest or ["--help"]))


def _run(options: CalibrationOptions) -> int:
    from diffproxy.calibration.calibrate_rig import calibrate
    from diffproxy.calibration.session import load_session, target_file
    from diffproxy.calibration.solved_rig import save_calibration
    from diffproxy.cameras.views import without

    out = target_file(options)
    session = load_session(options)
    found = calibrate(session.frames, session.cameras, session.body, session.config, session.keypoints)
    rig = session.as_rig(found)
    save_calibration(out, rig, found, session.frame_ids, session.scale, session.notes)
    for r in found.reports:
        sys.stdout.write(
            f"{r.name}: {r.error_px:.1f} px ({r.error_mm:.1f} mm) median, {r.inliers:.0%} agree, known to "
            f"{r.rotation_std_deg:.2f} degrees, {r.translation_std_mm:.0f} mm, focal length {r.focal_px:.0f} px\n"
        )
    for line in [*session.notes, *found.notes, *(f"do not trust {d}" for d in rig.doubts)]:
        sys.stdout.write(f"{line}\n")
    doubted = [r.name for r in found.reports if r.is_doubtful]
    if again := without(doubted, [c.name for c in rig.cameras]):
        sys.stdout.write(f"to calibrate again, {again}\n")
    sys.stdout.write(f"person {found.height:.3f} m, scale from {session.scale}\n{out}\n")
    return 1 if rig.doubts else 0


def _compare(options: CompareOptions) -> None:
    from diffproxy.calibration.compare import compare_rigs
    from diffproxy.cameras import load_rig

    rig, reference = load_rig(options.rig), load_rig(options.reference)
    miss = compare_rigs(rig.subset([c.name for c in reference.cameras]).cameras, reference.cameras)
    sys.stdout.write(
        f"rotation: worst camera {miss['rigid_deg']:.2f}, mean {miss['mean_deg']:.2f} degrees\n"
        f"position: worst camera {miss['rigid_mm']:.1f} mm; up to scale worst {miss['up_to_scale_mm']:.1f}, "
        f"mean {miss['mean_up_to_scale_mm']:.1f} mm\nscale: {miss['scale_percent']:+.2f} %\n"
    )


CALIBRATE = Subcommand(CalibrationOptions, INTRO, _run, required=("rig",))
COMPARE = Subcommand(
    CompareOptions,
    "usage: python -m diffproxy.calibration compare RIG REFERENCE",
    _compare,
    ("rig", "reference"),
    ("rig", "reference"),
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
