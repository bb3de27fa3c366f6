"""Association of several people on synthetic takes with exact ground truth: identities, ghosts, joints. JSON.

    python benchmarks/association.py
    python benchmarks/association.py people=2,6 cameras=2,3,8 out_of_step=2 takes=2 frames=125
    python benchmarks/association.py cameras=2 takes=8 seed=20000
    python benchmarks/association.py held_out=1
    python benchmarks/association.py quick=1

Bodies walk through a room of 4.4 m, cross, leave it and come back; in each camera a detector is imitated: noise of
1.2 % of the person's height, joints behind other people guessed or taken from them, missing and false detections, left
and right exchanged at times (`diffproxy/evaluation/synthetic_people.py`). `out_of_step`: largest offset of a camera in
frames. `equal_height=1`: all cameras at 1.5 m. `seed`: of the first take. `held_out=1`: other seeds, and poses of the
bank's test part; the association's constants were set on the takes without it.

For each number of cameras, over all its takes: "mota", "idf1", "switches" (CLEAR MOT and IDF1 on the mean of the
joints, 0.5 m; not counted are people whom fewer than two cameras show, and where people of a single view stand),
"ghosts" (false people) and "misses" per person there, "people" reported and true, "pcp" (a limb is right when its two
ends are off by less than its length in sum) and "mpjpe_mm" of the triangulated joints, "ms" CPU time per frame of the
association.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import Any

import numpy as np
from script_words import read_words

from diffproxy.association import Association, Person, associate
from diffproxy.body import load_body
from diffproxy.evaluation.synthetic_people import Take, make_take
from diffproxy.evaluation.synthetic_take_config import TakeConfig
from diffproxy.keypoints.layouts import COCO17
from diffproxy.metrics.tracking import TrackedFrame, tracking_errors

WORDS = ["cameras", "equal_height", "frames", "held_out", "out_of_step", "people", "quick", "seed", "takes"]

THRESHOLD = 0.5  # metres
MIN_VIEWS = 2
HELD_OUT_SEED = 5000
LIMBS = [(COCO17.index(f"{s}_{a}"), COCO17.index(f"{s}_{b}")) for s in ("left", "right")
         for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))]  # fmt: skip


def _middle(person: Person, frame: int) -> np.ndarray:
    return person.sightings[frame].joints.mean(0)


def _claimed(person: Person, frame: int, truth: np.ndarray) -> bool:
    """Whether a person is reported at a place: by two views, or by one and at the place of somebody."""
    status = person.status(frame)
    near = status == "one_view" and np.linalg.norm(truth - _middle(person, frame), axis=-1).min() <= THRESHOLD
    return status == "ok" or bool(near)


def compare(result: Association, take: Take) -> tuple[dict[str, float], dict[str, Any]]:
    """Sums over the frames of one take, and what is not a sum."""
    frames, there = [], tuple(range(take.joints.shape[1]))
    reported = []
    for f in range(len(take.joints)):
        truth = take.joints[f].mean(1)
        people = [p for p in result.people if _claimed(p, f, truth)]
        middle = np.array([_middle(p, f) for p in people]).reshape(-1, 3)
        distance = np.linalg.norm(truth[:, None] - middle[None], axis=-1)
        counted = take.visible[f].sum(-1) >= MIN_VIEWS
        frames.append(TrackedFrame(there, tuple(p.id for p in people), distance, counted))
        reported.append(people)
    errors = tracking_errors(frames, THRESHOLD)
    miss, right, limbs = [], 0, 0
    for f, i, j in errors.matches:
        sighting = reported[f][j].sightings[f]
        error = np.linalg.norm(sighting.points - take.joints[f, i], axis=-1)
        miss += error[np.isfinite(error)].tolist()
        for a, b in LIMBS:
            length = np.linalg.norm(take.joints[f, i, a] - take.joints[f, i, b])
            right += int(error[a] + error[b] < length)
            limbs += 1
    sums = {
        "truth": errors.truth, "misses": errors.misses, "false": errors.false_people, "switches": errors.switches,
        "reported": errors.reported, "right": right, "limbs": limbs, "people": len(result.people), "there": len(there),
        "idtp": errors.idf1 * (errors.truth + errors.reported) / 2,
    }  # fmt: skip
    return sums, {"miss": miss}


def row(takes: list[tuple[dict[str, float], dict[str, Any]]], seconds: float, frames: int) -> dict[str, Any]:
    """The figures of all takes of one number of cameras."""
    total = {k: sum(sums[k] for sums, _ in takes) for k in takes[0][0]}
    miss = np.concatenate([np.asarray(more["miss"]) for _, more in takes])
    errors = total["misses"] + total["false"] + total["switches"]
    return {
        "frames": frames,
        "mota": round(1 - errors / max(total["truth"], 1), 4),
        "idf1": round(2 * total["idtp"] / max(total["truth"] + total["reported"], 1), 4),
        "switches": int(total["switches"]),
        "ghosts": round(total["false"] / max(total["truth"], 1), 5),
        "misses": round(total["misses"] / max(total["truth"], 1), 4),
        "people": [int(total["people"]), int(total["there"])],
        "pcp": round(total["right"] / max(total["limbs"], 1), 4),
        "mpjpe_mm": round(1000 * float(miss.mean()), 1) if len(miss) else None,
        "ms": round(1000 * seconds / frames, 1),
    }


def main(argv: list[str]) -> dict[str, Any]:
    given = read_words(argv, WORDS)
    quick = given.get("quick") == "1"
    people = [int(n) for n in given.get("people", "2" if quick else "2,3,4,6").split(",")]
    cameras = [int(n) for n in given.get("cameras", "3" if quick else "2,3,4,8").split(",")]
    frames = int(given.get("frames", 40 if quick else 250))
    common: dict[str, Any] = {
        "frames": frames,
        "out_of_step": int(given.get("out_of_step", 0)),
        "equal_height": given.get("equal_height") == "1",
    }
    first_seed = int(given.get("seed", 0))
    if given.get("held_out") == "1":
        first_seed, common["poses"] = HELD_OUT_SEED, "test"
    body = load_body("anny")
    out: dict[str, Any] = {}
    for views in cameras:
        takes, seconds = [], 0.0
        for count, seed in itertools.product(people, range(int(given.get("takes", 1)))):
            take = make_take(
                body, TakeConfig(people=count, cameras=views, seed=first_seed + 100 * count + seed, **common)
            )
            start = time.process_time()
            result = associate(take.detections, take.cameras)
            seconds += time.process_time() - start
            takes.append(compare(result, take))
        out[f"{views} cameras"] = row(takes, seconds, frames * len(takes))
        sys.stderr.write(f"{views} cameras: {json.dumps(out[f'{views} cameras'])}\n")
    return {"people": people, **common, "rows": out}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=1))
