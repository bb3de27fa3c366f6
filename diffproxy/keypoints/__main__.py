"""`python -m diffproxy.keypoints detect rig=DIR out=DIR`: 2D keypoints of a rig's pictures by MediaPipe."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from diffproxy.cameras import load_rig, open_frames
from diffproxy.keypoints.detector import MediaPipe, detect
from diffproxy.utils.errors import InputError

HELP = """usage: python -m diffproxy.keypoints detect rig=DIR [out=DIR] [frames=0:100:10] [tiles=true]

Finds people in every picture of a rig and writes DIR/<camera>/<frame>.json (33 body points and 21 a hand, in
OpenPose's fields). Needs mediapipe 0.10.21, which asks for numpy < 2: give it an environment of its own, with
this package's folder on the path and jaxtyping, tqdm, scipy, pyyaml beside it. Nothing else here needs mediapipe.

  rig      rig folder, or pose2sim for downloads/pose2sim
  out      where the files go (RIG/keypoints)
  frames   40 | 0:100:10 | 3,7,9 | all (all)
  tiles    also look at overlapping squares, for people who are small or not alone (true)
"""


def frame_numbers(text: str, known: list[int]) -> list[int]:
    """`all`, `40`, `0:100:10` or `3,7,9` as frame numbers that exist. InputError for anything else."""
    try:
        if text == "all":
            chosen = known
        elif ":" in text:
            parts = [int(p) if p else None for p in text.split(":")]
            chosen = [f for f in range(*slice(*parts).indices(max(known) + 1)) if f in set(known)]
        else:
            chosen = [int(p) for p in text.split(",")]
    except ValueError as error:
        raise InputError("frames as 40, 0:100:10, 3,7,9 or all", text, "write frames=all") from error
    missing = sorted(set(chosen) - set(known))
    if missing or not chosen:
        raise InputError(
            f"frames among {known[0]}..{known[-1]}", f"{missing or 'none'}", "choose frames that exist"
        )
    return chosen


def main(words: list[str]) -> int:
    """Returns the exit status: 0 fine, 2 wrong input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not words or words[0] != "detect" or any("=" not in w for w in words[1:]):
        sys.stdout.write(HELP)
        return 0 if words in ([], ["--help"], ["-h"]) else 2
    given = dict(w.split("=", 1) for w in words[1:])
    unknown = set(given) - {"rig", "out", "frames", "tiles"}
    try:
        if unknown or "rig" not in given:
            raise InputError("rig=DIR, out=, frames=, tiles=", f"{sorted(unknown) or 'no rig'}", "see --help")
        root = Path("downloads/pose2sim" if given["rig"] == "pose2sim" else given["rig"])
        frames = open_frames(root, load_rig(root), common_frames=True)
        ids = frame_numbers(given.get("frames", "all"), frames.frame_ids)
        out = Path(given.get("out", root / "keypoints"))
        found = detect(frames, ids, out, MediaPipe(given.get("tiles", "true") != "false"))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{found} people in {len(ids)} frames: {out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
