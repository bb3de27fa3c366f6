"""`python -m diffproxy.keypoints detect rig=DIR out=DIR`: 2D keypoints of a rig's images by MediaPipe."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.options import option
from diffproxy.utils.shared_options import FRAMES, RIG
from diffproxy.utils.subcommand import Subcommand, run_subcommand

USAGE = """\
usage: python -m diffproxy.keypoints detect rig=DIR [name=value ...]

Detects people in every image of a rig and writes DIR/<camera>/<frame>.json (33 body points and 21 a hand, in
OpenPose's fields). rig=pose2sim is the demo in downloads/pose2sim, fetched on first use. Needs mediapipe 0.10.21,
which needs numpy < 2: install it into a separate environment with jaxtyping, pydantic, tqdm, scipy and pyyaml, and
put this package's folder on its path. Nothing else here needs mediapipe.
"""


@dataclass
class DetectOptions:
    """Options of `detect`."""

    rig: str = RIG("")
    frames: str = FRAMES()
    tiles: bool = option(True, "also search overlapping squares, for people who are small or not alone")
    out: str = option(
        "", "folder of the keypoint files; default: keypoints/ in the rig folder", "DIR", "Output"
    )


def demo_or_folder(rig: str) -> Path:
    """The folder of a rig; demos by name are fetched into downloads/ on first use, as `fit.py` does."""
    from diffproxy.cameras.pose2sim_demo import DEMOS, prepare_pose2sim

    if rig not in DEMOS:
        return Path(rig)
    downloads = Path("downloads")
    downloads.mkdir(exist_ok=True)
    return prepare_pose2sim(downloads, rig)


def _detect(options: DetectOptions) -> None:
    from diffproxy.cameras import load_rig, open_frames
    from diffproxy.keypoints.detector import MediaPipe, detect
    from diffproxy.utils.frame_ranges import select_frames

    root = demo_or_folder(options.rig)
    frames = open_frames(root, load_rig(root), common_frames=True)
    ids = select_frames(options.frames, frames.frame_ids)
    out = Path(options.out) if options.out else root / "keypoints"
    people = detect(frames, ids, out, MediaPipe(options.tiles))
    sys.stdout.write(f"{people} people in {len(ids)} frames: {out}\n")


COMMANDS = {"detect": Subcommand(DetectOptions, USAGE, _detect, required=("rig",))}


def main(words: list[str]) -> int:
    """Returns the exit status: 0 fine, 2 wrong input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_status(lambda: run_subcommand(USAGE, COMMANDS, words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
