"""`python -m diffproxy.keypoints detect rig=DIR out=DIR`: 2D keypoints of a rig's images by MediaPipe."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from diffproxy.cameras import load_rig, open_frames
from diffproxy.keypoints.detector import MediaPipe, detect
from diffproxy.utils.errors import InputError
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.options import exit_status, help_text, option, parse_options

INTRO = """\
usage: python -m diffproxy.keypoints detect rig=DIR [name=value ...]

Detects people in every image of a rig and writes DIR/<camera>/<frame>.json (33 body points and 21 a hand, in
OpenPose's fields). Needs mediapipe 0.10.21, which asks for numpy < 2: give it an environment of its own, with
this package's folder on the path and jaxtyping, tqdm, scipy, pyyaml beside it. Nothing else here needs mediapipe.
"""


@dataclass
class DetectOptions:
    """Options of `detect`."""

    rig: str = option("", "rig folder, or pose2sim for downloads/pose2sim", "DIR", "Input")
    frames: str = option("all", "40 | 0:100:10 | 3,7,9 | all", "WHICH", "Input")
    tiles: bool = option(True, "also search overlapping squares, for people who are small or not alone")
    out: str = option("", "where the files go; default: keypoints/ in the rig folder", "DIR", "Output")


def main(words: list[str]) -> int:
    """Returns the exit status: 0 fine, 2 wrong input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not words or {"-h", "--help"} & set(words):
        sys.stdout.write(help_text(DetectOptions, INTRO))
        return 0
    return exit_status(lambda: _detect(words))


def _detect(words: list[str]) -> None:
    if words[0] != "detect":
        raise InputError("the command detect", words[0], "python -m diffproxy.keypoints detect rig=DIR")
    options = parse_options(DetectOptions, words[1:], required=("rig",))
    root = Path("downloads/pose2sim" if options.rig == "pose2sim" else options.rig)
    frames = open_frames(root, load_rig(root), common_frames=True)
    ids = select_frames(options.frames, frames.frame_ids)
    out = Path(options.out) if options.out else root / "keypoints"
    people = detect(frames, ids, out, MediaPipe(options.tiles))
    sys.stdout.write(f"{people} people in {len(ids)} frames: {out}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
