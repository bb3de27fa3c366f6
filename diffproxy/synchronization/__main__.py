"""`diffproxy sync RIG`: frames by which the cameras of a rig are out of step, from the motion of a person in them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from diffproxy.cameras import RigFrames, frame_matching, load_rig, open_frames
from diffproxy.cameras.views import without
from diffproxy.keypoints import open_keypoints
from diffproxy.keypoints.layouts import Person2D, person_from_flat
from diffproxy.synchronization.offsets import CameraOffset, estimate_offsets
from diffproxy.synchronization.tracks import subject_tracks
from diffproxy.utils.errors import InputError
from diffproxy.utils.exit_status import exit_status
from diffproxy.utils.frame_ranges import select_frames
from diffproxy.utils.io import output_file, to_json, write_atomic
from diffproxy.utils.options import at_least, option, within
from diffproxy.utils.shared_options import CALIBRATION, FRAMES, IMAGES, KEYPOINTS, OFFSETS, RIG, VIEWS
from diffproxy.utils.subcommand import Subcommand

log = logging.getLogger(__name__)

MOST_FRAMES = 400  # of each camera in which people are detected, unless frames says which
FILE = "offsets.json"
USAGE = f"""\
usage: diffproxy sync RIG [name=value ...]

Compares the motion of one person in all views at every lag: rays to a joint meet at the same moment only. Prints the
frames by which each camera is ahead of the first, how certain that is, and writes them for rig.offsets=FILE:

  diffproxy sync take1
  diffproxy fit rig=take1 rig.offsets=take1/{FILE}

The cameras must be calibrated and stand still, the videos have one frame rate, and the person must move.
Exit status: 0 fine, 1 an offset is doubtful, 2 wrong input.
"""


@dataclass
class SyncOptions:
    """Options of `sync`."""

    rig: str = RIG("")
    calibration: str = CALIBRATION()
    images: str = IMAGES()
    keypoints: str = KEYPOINTS()
    frames: str = FRAMES()
    views: str = VIEWS()
    every: int = option(
        2, "people are detected in one frame of so many, and interpolated between, up to 5", section="Input"
    )
    offsets: str = OFFSETS()
    max_offset: int = option(60, "largest offset between two cameras, beyond those of offsets=, frames")
    reference: str = option("", "camera whose offset is 0; default: the first", "CAMERA")
    out: str = option("", f"file to write; default: {FILE} in the rig folder", "FILE", "Output")

    def __post_init__(self) -> None:
        within("every", self.every, 1, 5)
        at_least("max_offset", self.max_offset, 1)


def _sync(options: SyncOptions) -> int:
    given = output_file(options.out, ".json") if options.out else None
    root = Path(options.rig).expanduser()
    rig = load_rig(root, options.calibration or None).chosen(options.views)
    stated = frame_matching(options.offsets)
    frames = open_frames(root, rig, common_frames=True, matching=stated, images=options.images)
    cameras = frames.raw_cameras
    names = [c.name for c in cameras]
    reference = options.reference or names[0]
    if reference not in names:
        raise InputError(f"reference among {', '.join(names)}", reference, "use one of these names")
    ids = _chosen_frames(options, frames)
    people = _read(options.keypoints, frames, ids) if options.keypoints else _detected(frames, ids)
    frames.close()
    tracks, notes = subject_tracks(people, cameras)
    for note in notes:
        log.warning("%s", note)
    found = estimate_offsets(tracks, options.max_offset, names.index(reference))
    base = stated.offsets.get(reference, 0)
    total = {o.name: o.frames + stated.offsets.get(o.name, 0) - base for o in found}
    rate = frames.frame_rate
    out = given or root / FILE
    sys.stdout.write(_table(found, total, reference, rate))
    write_atomic(out, to_json(_file(found, total, reference, rate)))
    sys.stdout.write(f"\n{out}\nuse it with: diffproxy fit rig={options.rig} rig.offsets={out}\n")
    doubtful = sorted((o for o in found if not o.is_certain), key=lambda o: o.certainty)
    if leave := without([o.name for o in doubtful[:1]], names):  # one frozen video casts doubt on others
        sys.stdout.write(f"to compare the others alone, {leave}\n")
    return 1 if doubtful else 0


def _chosen_frames(options: SyncOptions, frames: RigFrames) -> list[int]:
    ids = select_frames(options.frames, frames.frame_ids)
    if options.keypoints:
        return ids
    ids = ids[:: options.every]
    if options.frames == "all" and len(ids) > MOST_FRAMES:
        start = (len(ids) - MOST_FRAMES) // 2
        ids = ids[start : start + MOST_FRAMES]
        log.warning("frames %d to %d of the take are used; frames=A:B chooses others", ids[0], ids[-1])
    return ids


def _read(folder: str, frames: RigFrames, ids: Sequence[int]) -> list[dict[int, list[Person2D]]]:
    found = open_keypoints(folder, frames.raw_cameras)
    found.compare_frames(frames.frame_ids, frames.file_numbers)
    by_frame = {i: found.frame(i, frames.raw_cameras, frames.file_numbers(i)) for i in ids}
    return [{i: views[v] for i, views in by_frame.items()} for v in range(len(frames.raw_cameras))]


def _detected(frames: RigFrames, ids: Sequence[int]) -> list[dict[int, list[Person2D]]]:
    """People by the packaged detector, in pixels of the image files."""
    from diffproxy.detector.person_detector import PersonDetector

    detector = PersonDetector.packaged()
    people: list[dict[int, list[Person2D]]] = [{} for _ in frames.raw_cameras]
    for frame_id in tqdm(ids, desc="people", unit="frame"):
        for view, found in zip(people, detector.locate(frames.read_raw(frame_id)), strict=True):
            view[frame_id] = [person_from_flat(c.keypoints.astype(float), "coco17") for c in found]
    return people


def _table(found: Sequence[CameraOffset], total: Mapping[str, int], reference: str, rate: float) -> str:
    """One line a camera."""
    lines = [f"{'camera':<12}{'offset':>7}{'spread':>9}{'certain':>9}{'rays':>9}"]
    for o in found:
        line = f"{o.name:<12}{total[o.name]:>+7d}"
        if o.name == reference:
            lines.append(f"{line}  reference")
            continue
        line += f"{o.spread:>9.2f}{o.certainty:>9.0%}{o.miss_mm:>6.0f} mm"
        rest = o.fine - o.frames
        line += f"  remainder {rest:+.2f} frames" + (f", {1000 * rest / rate:+.1f} ms" if rate else "")
        lines.append(line + "".join(f"\n  doubtful: {doubt}" for doubt in o.doubts))
    return "\n".join(lines) + "\n"


def _file(
    found: Sequence[CameraOffset], total: Mapping[str, int], reference: str, rate: float
) -> dict[str, Any]:
    return {
        "format": "diffproxy-offsets",
        "version": 1,
        "meaning": "frame n of the take is frame n + offset of the camera's files",
        "reference": reference,
        "frame_rate": rate or None,
        "offsets": dict(total),
        "cameras": {o.name: {**asdict(o), "frames": total[o.name]} for o in found},
    }


COMMAND = Subcommand(SyncOptions, USAGE, _sync, ("rig",), ("rig",))


def main(words: list[str] | None = None) -> int:
    """Returns the exit status: 0 fine, 1 an offset is doubtful, 2 wrong input."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    return exit_status(lambda: COMMAND.run(sys.argv[1:] if words is None else words))


if __name__ == "__main__":
    sys.exit(main())
