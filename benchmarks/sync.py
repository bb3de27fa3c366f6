"""Offsets between cameras, estimated from motion, on synthetic takes and on the Pose2Sim demo. Prints JSON.

    python benchmarks/sync.py
    python benchmarks/sync.py takes=5 cameras=2,4 frames=150 every=2 people=1
    python benchmarks/sync.py rig=downloads/pose2sim every=2

Synthetic: a body walks through a room; in each camera a detector is imitated, with noise of 1.2 % of the person's
height, missing and false detections, left and right exchanged at times (`diffproxy/evaluation/synthetic_people.py`).
The frames of one camera are numbered anew, as if its video began 3, 7 or 30 frames later; each camera but the first in
turn.

With rig=DIR the people of a real rig are detected once, by the packaged detector, and its videos shifted likewise.

For each shift: "cases", "worst" error in frames, "within_1" and "certain" shares, "spread" mean of the stated one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import numpy as np
from script_words import read_words

from diffproxy.body import load_body
from diffproxy.cameras import Camera, load_rig, open_frames
from diffproxy.detector.person_detector import PersonDetector
from diffproxy.evaluation.synthetic_people import make_take
from diffproxy.evaluation.synthetic_take_config import TakeConfig
from diffproxy.keypoints.layouts import Person2D, person_from_flat
from diffproxy.synchronization import estimate_offsets, subject_tracks

MINE = {
    "takes": "5", "cameras": "2,4", "frames": "150", "people": "1", "every": "2", "shifts": "3,7,30", "rig": "",
    "max_offset": "60",
}  # fmt: skip
Views = list[dict[int, list[Person2D]]]


def synthetic(cameras: int, frames: int, people: int, seed: int) -> tuple[Views, tuple[Camera, ...]]:
    """Detections of a take, by camera and frame number."""
    config = TakeConfig(people=people, cameras=cameras, frames=frames, leaving=False, seed=seed)
    take = make_take(load_body("anny"), config)
    return _as_people(take.detections, cameras), take.cameras


def detected(folder: str) -> tuple[Views, Sequence[Camera]]:
    """Detections in the images of a rig."""
    frames = open_frames(folder, load_rig(folder), common_frames=True)
    detector = PersonDetector.packaged()
    found = {i: detector.locate(frames.read_raw(i)) for i in frames.frame_ids}
    return _as_people(found, len(frames.raw_cameras)), frames.raw_cameras


def _as_people(detections: dict, views: int) -> Views:
    return [
        {
            f: [person_from_flat(c.keypoints.astype(float), "coco17") for c in found[v]]
            for f, found in detections.items()
        }
        for v in range(views)
    ]


def shifted(views: Views, camera: int, shift: int, every: int) -> Views:
    """As if the video of a camera began `shift` frames later, and one frame of `every` were looked at in each video."""
    last = max(max(view) for view in views)
    late = [shift if v == camera else 0 for v in range(len(views))]
    return [
        {n: view[n + k] for n in range(0, last - k + 1, every) if n + k in view}
        for view, k in zip(views, late, strict=True)
    ]


def row(cases: list[dict]) -> dict:
    """Figures over the cases of one shift."""
    errors = np.array([c["error"] for c in cases])
    return {
        "cases": len(cases),
        "worst": int(np.abs(errors).max()),
        "within_1": float((np.abs(errors) <= 1).mean()),
        "certain": float(np.mean([c["certain"] for c in cases])),
        "spread": round(float(np.mean([c["spread"] for c in cases])), 2),
    }


def evaluate(
    takes: list[tuple[Views, Sequence[Camera]]], shifts: list[int], every: int, largest: int
) -> dict:
    """Every shift of every camera but the first, in every take."""
    began, rows = time.process_time(), {}
    for shift in shifts:
        cases = []
        for views, cameras in takes:
            for camera in range(1, len(cameras)):
                tracks, _ = subject_tracks(shifted(views, camera, shift, every), cameras)
                for v, found in enumerate(estimate_offsets(tracks, largest)):
                    if v:
                        truth = -shift if v == camera else 0
                        cases.append(
                            {
                                "error": found.frames - truth,
                                "certain": found.is_certain,
                                "spread": found.spread,
                            }
                        )
        rows[str(shift)] = row(cases)
    return {"rows": rows, "cpu_s": round(time.process_time() - began, 1)}


def main(words: list[str]) -> dict:
    """Returns what is printed."""
    options = MINE | read_words(words, MINE)
    shifts, every = [int(s) for s in options["shifts"].split(",")], int(options["every"])
    largest = int(options["max_offset"])
    out: dict = {"options": options}
    if options["rig"]:
        return out | evaluate([detected(options["rig"])], shifts, every, largest)
    for cameras in (int(n) for n in options["cameras"].split(",")):
        takes = [
            synthetic(cameras, int(options["frames"]), int(options["people"]), seed)
            for seed in range(int(options["takes"]))
        ]
        out[f"{cameras} cameras"] = evaluate(takes, shifts, every, largest)
    return out


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
